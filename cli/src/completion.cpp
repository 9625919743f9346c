// tow completion: scripts with which shells complete commands, options and topics.

#include "completion.hpp"

#include <algorithm>

#include "command.hpp"
#include "output.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

std::vector<std::string> split_choices(const std::string& text) {
  if (text.find('|') == std::string::npos) return {};
  return CLI::detail::split(text, '|');
}

std::vector<OptionText> read_options(const CLI::App& app) {
  std::vector<OptionText> options;
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_positional()) continue;
    OptionText text;
    if (!option->get_snames().empty()) text.short_name = '-' + option->get_snames().front();
    if (!option->get_lnames().empty()) text.long_name = "--" + option->get_lnames().front();
    text.description = option->get_description();
    text.takes_value = option->get_items_expected_max() != 0;
    const std::string type = option->get_type_name();
    text.is_file = type == "FILE";
    text.is_topic = type == "TOPIC";
    text.repeats = option->get_items_expected_max() > 1;
    text.choices = type == "START" ? std::vector<std::string>{"next", "oldest", "last:", "time:"}
                                   : split_choices(type);
    options.push_back(std::move(text));
  }
  return options;
}

CommandText read_command(const CLI::App& app) {
  CommandText command;
  command.name = app.get_name();
  command.description = app.get_description();
  command.options = read_options(app);
  // The shell learns of --help once, from tow itself.
  std::erase_if(command.options, [](const OptionText& o) { return o.long_name == "--help"; });
  // A command of commands: their names, and the options of any of them.
  for (const CLI::App* const action : app.get_subcommands([](const CLI::App*) { return true; })) {
    command.choices.push_back(action->get_name());
    for (OptionText& option : read_options(*action)) {
      const bool known = std::any_of(
          command.options.begin(), command.options.end(), [&option](const OptionText& other) {
            return other.long_name == option.long_name && other.short_name == option.short_name;
          });
      if (!known && option.long_name != "--help") command.options.push_back(std::move(option));
    }
  }
  for (const CLI::Option* const option : app.get_options()) {
    if (!option->get_positional() || command.takes_topic) continue;  // what follows is free text
    const std::string name = option->get_name(true);
    command.takes_topic = name == "TOPIC" || name == "SERVICE";  // which is one
    command.takes_topics = command.takes_topic && option->get_items_expected_max() > 1;
    command.choices = split_choices(option->get_type_name());
  }
  return command;
}

Grammar read_grammar(const CLI::App& app) {
  Grammar grammar{read_options(app), {}};
  for (const CLI::App* const command : app.get_subcommands([](const CLI::App*) { return true; })) {
    grammar.commands.push_back(read_command(*command));
  }
  return grammar;
}

int print(const CLI::App& app, const Context& context, const std::string& shell) {
  const Grammar grammar = read_grammar(app);
  const std::string script = shell == "bash"  ? bash_script(grammar)
                             : shell == "zsh" ? zsh_script(grammar)
                                              : fish_script(grammar);
  if (context.json) {
    print_json({{"shell", shell}, {"script", script}});
  } else {
    write_out(script);
  }
  return kOk;
}

}  // namespace

std::string join(const std::vector<std::string>& words, const std::string& separator) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : separator) + word;
  return joined;
}

void add_completion(CLI::App& app, Context& context) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* const command =
      add_command(app, context, "completion", "Print a shell's completion script",
                  [&app, shell](const Context& c) { return print(app, c, *shell); });
  add_choice(command, "SHELL", *shell, "bash|zsh|fish", "Which shell")->required();
  command->footer(
      "Examples:\n"
      "  source <(tow completion bash)                               # in ~/.bashrc\n"
      "  tow completion zsh > ~/.zsh/completions/_tow                # a folder of $fpath\n"
      "  tow completion fish > ~/.config/fish/completions/tow.fish\n");
}

}  // namespace tow::cli
