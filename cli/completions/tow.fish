# fish completion for tow, as `tow completion fish` prints it.

function __tow_topics
    set -l words (commandline -opc)
    set -l bus
    if set -l at (contains -i -- --bus $words)
        set bus --bus $words[(math $at + 1)]
    end
    tow $bus ls --names 2>/dev/null
end

complete -c tow -f
complete -c tow -s h -l help -d 'Print this help message and exit'
complete -c tow -l bus -x -d 'Name of the bus, or its path if it has a \'/\'; else $TOWPATH_BUS'
complete -c tow -l json -d 'Print JSON instead of text'
complete -c tow -l version -d 'Print the version'
complete -c tow -n __fish_use_subcommand -a ls -d 'List the topics of the bus'
complete -c tow -n __fish_use_subcommand -a info -d 'Show a topic: options, publishers, subscribers, latency'
complete -c tow -n __fish_use_subcommand -a pub -d 'Publish lines, files, or made-up messages'
complete -c tow -n __fish_use_subcommand -a sub -d 'Print the messages of a topic'
complete -c tow -n __fish_use_subcommand -a hz -d 'Show each second how much a topic carries'
complete -c tow -n __fish_use_subcommand -a create -d 'Create a topic of bytes, and the bus if need be'
complete -c tow -n __fish_use_subcommand -a ps -d 'List the processes of the bus and what they hold'
complete -c tow -n __fish_use_subcommand -a rm -d 'Remove topics; with --bus NAME and no topic, that bus'
complete -c tow -n __fish_use_subcommand -a heal -d 'Repair what dead processes left'
complete -c tow -n __fish_use_subcommand -a doctor -d 'Examine this host and say what to mend'
complete -c tow -n __fish_use_subcommand -a completion -d 'Print a shell\'s completion script'
complete -c tow -n '__fish_seen_subcommand_from ls' -s l -l long -d 'Show options and latency too'
complete -c tow -n '__fish_seen_subcommand_from ls' -l names -d 'Print the names alone, one a line'
complete -c tow -n '__fish_seen_subcommand_from info' -a '(__tow_topics)' -d topic
complete -c tow -n '__fish_seen_subcommand_from pub' -l file -r -F -d 'This file as one message; - is stdin'
complete -c tow -n '__fish_seen_subcommand_from pub' -l lines -d 'With --file: each line is a message'
complete -c tow -n '__fish_seen_subcommand_from pub' -s n -l count -x -d 'Make up N messages; 0: without end'
complete -c tow -n '__fish_seen_subcommand_from pub' -l size -x -d 'Make up messages of so many bytes [64]'
complete -c tow -n '__fish_seen_subcommand_from pub' -l rate -x -d 'Messages a second, of any source [no limit]'
complete -c tow -n '__fish_seen_subcommand_from pub' -s k -l key -x -d 'Key of each message, up to 255 bytes'
complete -c tow -n '__fish_seen_subcommand_from pub' -l when-full -x -a 'wait fail drop' -d 'What to do while a required subscriber has not made room [wait]'
complete -c tow -n '__fish_seen_subcommand_from pub' -l timeout -x -d 'How long a message may wait for room [for ever]'
complete -c tow -n '__fish_seen_subcommand_from pub' -l take-over -x -d 'Where there may be no more publishers: wait so long for one to end'
complete -c tow -n '__fish_seen_subcommand_from pub' -s q -l quiet -d 'Do not say what was published'
complete -c tow -n '__fish_seen_subcommand_from pub' -a '(__tow_topics)' -d topic
complete -c tow -n '__fish_seen_subcommand_from sub' -l format -x -a 'text hex raw json' -d 'text: a line each; hex: a dump; raw: bytes, nothing between; json: a line each [text]'
complete -c tow -n '__fish_seen_subcommand_from sub' -l from -x -a 'next oldest last:' -d 'next, oldest, last:N, or a sequence'
complete -c tow -n '__fish_seen_subcommand_from sub' -s n -l count -x -d 'Stop after N messages'
complete -c tow -n '__fish_seen_subcommand_from sub' -s f -l follow -d 'Go on waiting after what is there was read'
complete -c tow -n '__fish_seen_subcommand_from sub' -l timeout -x -d 'Give up when nothing comes for so long'
complete -c tow -n '__fish_seen_subcommand_from sub' -l required -d 'Join as a required subscriber: publishers wait for it'
complete -c tow -n '__fish_seen_subcommand_from sub' -l max-lag -x -d 'With --required: rather be evicted than this many messages behind'
complete -c tow -n '__fish_seen_subcommand_from sub' -a '(__tow_topics)' -d topic
complete -c tow -n '__fish_seen_subcommand_from hz' -s n -l count -x -d 'Stop after N seconds'
complete -c tow -n '__fish_seen_subcommand_from hz' -l timeout -x -d 'Give up when nothing came for so long'
complete -c tow -n '__fish_seen_subcommand_from hz' -a '(__tow_topics)' -d topic
complete -c tow -n '__fish_seen_subcommand_from create' -l publishers -x -a 'one many' -d 'One is the fastest, many share one order [many]'
complete -c tow -n '__fish_seen_subcommand_from create' -l depth -x -d 'Messages that fit before publishers wait: 16 to 4M [1024]'
complete -c tow -n '__fish_seen_subcommand_from create' -l slot-bytes -x -d '64, 128 or 256; 16 less travel inline [64]'
complete -c tow -n '__fish_seen_subcommand_from create' -l max-message -x -d 'Largest message, to 1G [64K]'
complete -c tow -n '__fish_seen_subcommand_from create' -l pool -x -d 'Each publisher\'s memory for messages that do not fit a slot [256K or more]'
complete -c tow -n '__fish_seen_subcommand_from create' -l lane-depth -x -d 'Slots of one publisher where many publish [as the topic]'
complete -c tow -n '__fish_seen_subcommand_from create' -l max-publishers -x -d 'At a time, 1 to 1024 [1024]'
complete -c tow -n '__fish_seen_subcommand_from create' -l max-subscribers -x -d 'At a time, 1 to 1024 [1024]'
complete -c tow -n '__fish_seen_subcommand_from create' -l stamps -x -a 'sampled all none' -d 'Which messages are stamped for latencies [sampled]'
complete -c tow -n '__fish_seen_subcommand_from create' -l huge-pages -d 'Ask for huge pages; see tow doctor'
complete -c tow -n '__fish_seen_subcommand_from create' -l mode -x -d 'Rights of a bus that this makes, as for chmod'
complete -c tow -n '__fish_seen_subcommand_from create' -a '(__tow_topics)' -d topic
complete -c tow -n '__fish_seen_subcommand_from rm' -a '(__tow_topics)' -d topic
complete -c tow -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
