#include <fmt/core.h>

#include "completion.hpp"

namespace tow::cli {
namespace {

constexpr const char* kBashHead =
    R"sh(# bash completion for tow, as `tow completion bash` prints it.

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
)sh";

constexpr const char* kBashTail = R"sh(  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  [[ -n $topics && $current != -* ]] && _tow_topics
}
complete -F _tow tow
)sh";

std::vector<std::string> names(const std::vector<OptionText>& options) {
  std::vector<std::string> names;
  for (const OptionText& option : options) {
    for (const std::string& name : {option.short_name, option.long_name}) {
      if (!name.empty()) names.push_back(name);
    }
  }
  return names;
}

/// A case of what follows an option that takes a value.
std::string value_case(const std::string& command, const OptionText& option) {
  if (!option.takes_value) return "";
  std::vector<std::string> patterns;
  for (const std::string& name : {option.short_name, option.long_name}) {
    if (!name.empty()) patterns.push_back(fmt::format("{}:{}", command, name));
  }
  const std::string pattern = join(patterns, " | ");
  if (option.is_file) {
    return fmt::format(
        "    {})\n      compopt -o filenames\n      mapfile -t COMPREPLY < <(compgen -f -- "
        "\"$current\")\n      return\n      ;;\n",
        pattern);
  }
  if (option.is_topic) return fmt::format("    {}) topics=1 ;;\n", pattern);
  if (option.choices.empty()) return fmt::format("    {}) return ;;\n", pattern);
  return fmt::format("    {}) words='{}' ;;\n", pattern, join(option.choices, " "));
}

}  // namespace

std::string bash_script(const Grammar& grammar) {
  const std::string global = join(names(grammar.options), " ");
  std::string script = kBashHead;
  std::vector<std::string> commands;
  for (const OptionText& option : grammar.options) script += value_case("*", option);
  for (const CommandText& command : grammar.commands) {
    commands.push_back(command.name);
    for (const OptionText& option : command.options) script += value_case(command.name, option);
  }
  script += fmt::format("    :*) words='{} {}' ;;\n", join(commands, " "), global);
  for (const CommandText& command : grammar.commands) {
    std::vector<std::string> words = command.choices;
    for (const std::string& name : names(command.options)) words.push_back(name);
    script += fmt::format("    {}:*) words='{} {}'{} ;;\n", command.name, join(words, " "), global,
                          command.takes_topic ? " topics=1" : "");
  }
  return script + kBashTail;
}

}  // namespace tow::cli
