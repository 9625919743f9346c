#include <fmt/core.h>

#include "completion.hpp"

namespace tow::cli {
namespace {

constexpr const char* kFishHead =
    R"sh(# fish completion for tow, as `tow completion fish` prints it.

function __tow_topics
    set -l words (commandline -opc)
    set -l bus
    if set -l at (contains -i -- --bus $words)
        set bus --bus $words[(math $at + 1)]
    end
    tow $bus ls --names 2>/dev/null
end

complete -c tow -f
)sh";

std::string quote(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '\'';
}

std::string option_line(const std::string& condition, const OptionText& option) {
  std::string line = "complete -c tow" + condition;
  if (!option.short_name.empty()) line += " -s " + option.short_name.substr(1);
  if (!option.long_name.empty()) line += " -l " + option.long_name.substr(2);
  if (option.takes_value) line += option.is_file ? " -r -F" : " -x";
  if (option.is_topic) line += " -a '(__tow_topics)'";
  if (!option.choices.empty()) line += " -a " + quote(join(option.choices, " "));
  return line + " -d " + quote(option.description) + '\n';
}

}  // namespace

std::string fish_script(const Grammar& grammar) {
  std::string script = kFishHead;
  for (const OptionText& option : grammar.options) script += option_line("", option);
  for (const CommandText& command : grammar.commands) {
    script += fmt::format("complete -c tow -n __fish_use_subcommand -a {} -d {}\n", command.name,
                          quote(command.description));
  }
  for (const CommandText& command : grammar.commands) {
    const std::string condition = fmt::format(" -n '__fish_seen_subcommand_from {}'", command.name);
    for (const OptionText& option : command.options) {
      script += option_line(condition, option);
    }
    if (command.takes_topic) {
      script += "complete -c tow" + condition + " -a '(__tow_topics)' -d topic\n";
    } else if (!command.choices.empty()) {
      script += "complete -c tow" + condition + " -a " + quote(join(command.choices, " ")) + '\n';
    }
  }
  return script;
}

}  // namespace tow::cli
