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
    pub:-k | pub:--key) return ;;
    pub:--when-full) words='wait fail drop' ;;
    pub:--timeout) return ;;
    pub:--take-over) return ;;
    sub:--format) words='text hex raw json' ;;
    sub:--from) words='next oldest last:' ;;
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
    :*) words='ls info pub sub hz create ps rm heal doctor completion -h --help --bus --json --version' ;;
    ls:*) words='-l --long --names -h --help --bus --json --version' ;;
    info:*) words=' -h --help --bus --json --version' topics=1 ;;
    pub:*) words='--file --lines -n --count --size --rate -k --key --when-full --timeout --take-over -q --quiet -h --help --bus --json --version' topics=1 ;;
    sub:*) words='--format --from -n --count -f --follow --timeout --required --max-lag -h --help --bus --json --version' topics=1 ;;
    hz:*) words='-n --count --timeout -h --help --bus --json --version' topics=1 ;;
    create:*) words='--publishers --depth --slot-bytes --max-message --pool --lane-depth --max-publishers --max-subscribers --stamps --huge-pages --mode -h --help --bus --json --version' topics=1 ;;
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
