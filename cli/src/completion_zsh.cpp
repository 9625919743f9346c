#include <fmt/core.h>

#include "completion.hpp"

namespace tow::cli {
namespace {

constexpr const char* kZshHead = R"sh(#compdef tow
# zsh completion for tow, as `tow completion zsh` prints it.

_tow_topics() {
  local -a topics
  topics=(${(f)"$(tow $tow_bus ls --names 2>/dev/null)"})
  compadd -a topics
}

_tow() {
  local curcontext=$curcontext state
  local -a line tow_bus tow_options commands
  typeset -A opt_args
  integer at=${words[(i)--bus]}
  ((at < CURRENT - 1)) && tow_bus=(--bus "${(Q)words[at + 1]}")
)sh";

constexpr const char* kZshTail = R"sh(      esac
      ;;
  esac
}

if [[ ${funcstack[1]} == _tow ]]; then
  _tow "$@"
else
  compdef _tow tow
fi
)sh";

/// Text between single quotes in which _arguments and _describe give ':' and brackets a meaning.
std::string escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\'') {
      escaped += "'\\''";
      continue;
    }
    if (c == ':' || c == '[' || c == ']' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string value_of(const OptionText& option) {
  if (!option.takes_value) return "";
  if (option.is_file) return ":file:_files";
  if (option.is_topic) return ":topic:_tow_topics";
  if (option.choices.empty()) return ":value: ";
  return ":value:(" + escape(join(option.choices, " ")) + ")";
}

/// One specification for _arguments.
std::string specification(const OptionText& option) {
  const std::string text = '[' + escape(option.description) + ']' + value_of(option);
  const char* const equals = option.takes_value ? "=" : "";
  const char* const star = option.repeats ? "*" : "";
  if (option.short_name.empty()) {
    return fmt::format("'{}{}{}{}'", star, option.long_name, equals, text);
  }
  if (option.long_name.empty()) return fmt::format("'{}{}'", option.short_name, text);
  const char* const plus = option.takes_value ? "+" : "";
  if (option.repeats) {
    return fmt::format("'*'{{{}{},{}{}}}'{}'", option.short_name, plus, option.long_name, equals,
                       text);
  }
  return fmt::format("'({0} {1})'{{{0}{2},{1}{3}}}'{4}'", option.short_name, option.long_name, plus,
                     equals, text);
}

std::string argument_of(const CommandText& command) {
  if (command.takes_topics) return "'*:topic:_tow_topics'";
  if (command.takes_topic) return "'1:topic:_tow_topics'";
  if (!command.choices.empty()) return "'1:word:(" + join(command.choices, " ") + ")'";
  return "";
}

}  // namespace

std::string zsh_script(const Grammar& grammar) {
  std::string script = kZshHead;
  script += "  tow_options=(\n";
  for (const OptionText& option : grammar.options) script += "    " + specification(option) + '\n';
  script += "  )\n";
  script +=
      "  _arguments -C $tow_options '1:command:->command' '*::argument:->argument' && return\n";
  script += "  case $state in\n    command)\n      commands=(\n";
  for (const CommandText& command : grammar.commands) {
    script += fmt::format("        '{}:{}'\n", command.name, escape(command.description));
  }
  script += "      )\n      _describe command commands\n      ;;\n    argument)\n";
  script += "      case ${words[1]} in\n";
  for (const CommandText& command : grammar.commands) {
    script += fmt::format("        {})\n          _arguments $tow_options", command.name);
    for (const OptionText& option : command.options) {
      script += " \\\n            " + specification(option);
    }
    if (const std::string argument = argument_of(command); !argument.empty()) {
      script += " \\\n            " + argument;
    }
    script += "\n          ;;\n";
  }
  return script + kZshTail;
}

}  // namespace tow::cli
