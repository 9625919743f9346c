# bash completion for tow, as `tow completion bash` prints it.

# Adds the topics that begin like the current word.
_tow_topics() {
  local topic
  while IFS= read -r topic; do
    [[ $topic == "$current"* ]] && COMPREPLY+=("$(printf %q "$topic")")
  done < <(tow "${bus[@]}" ls --names 2>/dev/null)
}

_tow() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command='' words='' topics='' i bus=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --bus) bus=(--bus "${COMP_WORDS[++i]}") ;;
      -*) ;;
      *) [[ -n $command ]] || command=${COMP_WORDS[i]} ;;
    esac
  done
  COMPREPLY=()
  case $command:$previous in
    *:--bus) return ;;
    pub:--file)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    pub:-n | pub:--count) return ;;
    pub:--size) return ;;
    pub:--rate) return ;;
    pub:--when-full) words='wait fail drop' ;;
    pub:--timeout) return ;;
    pub:--take-over) return ;;
    pub:-k | pub:--key) return ;;
    pub:--tag) return ;;
    pub:--ttl) return ;;
    pub:--delay) return ;;
    pub:--priority) words='0 1 2 3 4 5 6 7' ;;
    pub:--correlation-id) return ;;
    pub:--reply-topic) topics=1 ;;
    pub:--content-type) return ;;
    pub:-H | pub:--header) return ;;
    send:--when-full) words='wait fail drop' ;;
    send:--timeout) return ;;
    send:--take-over) return ;;
    send:-k | send:--key) return ;;
    send:--tag) return ;;
    send:--ttl) return ;;
    send:--delay) return ;;
    send:--priority) words='0 1 2 3 4 5 6 7' ;;
    send:--correlation-id) return ;;
    send:--reply-topic) topics=1 ;;
    send:--content-type) return ;;
    send:-H | send:--header) return ;;
    sub:--format) words='text hex raw json' ;;
    sub:--from) words='next oldest last: time:' ;;
    sub:-n | sub:--count) return ;;
    sub:--timeout) return ;;
    sub:--max-lag) return ;;
    hz:-n | hz:--count) return ;;
    hz:--timeout) return ;;
    create:--publishers) words='one many' ;;
    create:--depth) return ;;
    create:--slot-bytes) return ;;
    create:--max-message) return ;;
    create:--pool) return ;;
    create:--lane-depth) return ;;
    create:--max-publishers) return ;;
    create:--max-subscribers) return ;;
    create:--stamps) words='sampled all none' ;;
    create:--mode) return ;;
    exchange:--kind) words='direct fanout topic headers' ;;
    exchange:--alternate) return ;;
    exchange:--table) return ;;
    exchange:-k | exchange:--key) return ;;
    exchange:-H | exchange:--header) return ;;
    exchange:--when-full) words='wait fail drop' ;;
    exchange:--timeout) return ;;
    exchange:--tag) return ;;
    exchange:--ttl) return ;;
    exchange:--delay) return ;;
    exchange:--priority) words='0 1 2 3 4 5 6 7' ;;
    exchange:--correlation-id) return ;;
    exchange:--reply-topic) topics=1 ;;
    exchange:--content-type) return ;;
    call:--timeout) return ;;
    call:-o | call:--output) words='text hex raw json' ;;
    serve:-n | serve:--count) return ;;
    serve:--max-attempts) return ;;
    group:--mode) words='shared ordered single-active' ;;
    group:--start) words='next oldest last: time:' ;;
    group:--max-attempts) return ;;
    group:--lease) return ;;
    group:--backoff) return ;;
    group:--max-backoff) return ;;
    group:--ttl) return ;;
    group:--max-length) return ;;
    group:--overflow) words='block reject drop-oldest' ;;
    group:--key-pattern) return ;;
    group:--tag) return ;;
    group:--dead-letter) topics=1 ;;
    consume:--format) words='text hex raw json' ;;
    consume:-n | consume:--count) return ;;
    consume:--timeout) return ;;
    consume:--prefetch) return ;;
    dlq:--format) words='text hex json' ;;
    dlq:-n | dlq:--count) return ;;
    dlq:--to) topics=1 ;;
    dlq:--timeout) return ;;
    :*) words='ls info pub send sub hz create exchange call serve group consume dlq ps rm heal doctor completion -h --help --bus --json --version' ;;
    ls:*) words='-l --long --names -h --help --bus --json --version' ;;
    info:*) words=' -h --help --bus --json --version' topics=1 ;;
    pub:*) words='--file --lines -n --count --size --rate --when-full --timeout --take-over -q --quiet -k --key --tag --ttl --delay --priority --correlation-id --reply-topic --content-type -H --header -h --help --bus --json --version' topics=1 ;;
    send:*) words='--when-full --timeout --take-over -q --quiet -k --key --tag --ttl --delay --priority --correlation-id --reply-topic --content-type -H --header -h --help --bus --json --version' topics=1 ;;
    sub:*) words='--format -v --verbose --from -n --count -f --follow --timeout --required --max-lag -h --help --bus --json --version' topics=1 ;;
    hz:*) words='-n --count --timeout -h --help --bus --json --version' topics=1 ;;
    create:*) words='--publishers --depth --slot-bytes --max-message --pool --lane-depth --max-publishers --max-subscribers --stamps --huge-pages --mode -h --help --bus --json --version' topics=1 ;;
    exchange:*) words='ls create bind unbind rm publish --names --kind --alternate --table -k --key -H --header --to-exchange --when-full --timeout --mandatory --tag --ttl --delay --priority --correlation-id --reply-topic --content-type -h --help --bus --json --version' ;;
    call:*) words='--timeout -o --output --no-wait -h --help --bus --json --version' topics=1 ;;
    serve:*) words='-n --count --max-attempts -q --quiet -h --help --bus --json --version' topics=1 ;;
    group:*) words='ls info create seek pause resume rm --mode --start --max-attempts --lease --backoff --max-backoff --ttl --max-length --overflow --by-priority --key-pattern --tag --dead-letter --dry-run -h --help --bus --json --version' ;;
    consume:*) words='--format -v --verbose -n --count --timeout --prefetch --no-ack -h --help --bus --json --version' topics=1 ;;
    dlq:*) words='ls show redrive purge --format -n --count --to --timeout -h --help --bus --json --version' ;;
    ps:*) words=' -h --help --bus --json --version' ;;
    rm:*) words=' -h --help --bus --json --version' topics=1 ;;
    heal:*) words=' -h --help --bus --json --version' ;;
    doctor:*) words=' -h --help --bus --json --version' ;;
    completion:*) words='bash zsh fish -h --help --bus --json --version' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  [[ -n $topics && $current != -* ]] && _tow_topics
}
complete -F _tow tow
