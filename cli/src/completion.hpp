#pragma once
/// Completion scripts, written from what the commands themselves declare.

#include <string>
#include <vector>

namespace tow::cli {

/// An option as a shell must know it.
struct OptionText {
  std::string short_name, long_name;  ///< with their dashes; either may be empty
  std::string description;
  bool takes_value = false;
  bool is_file = false;
  bool is_topic = false;
  bool repeats = false;              ///< may be given several times
  std::vector<std::string> choices;  ///< the words it takes, if they are known
};

struct CommandText {
  std::string name, description;
  std::vector<OptionText> options;
  bool takes_topic = false;
  bool takes_topics = false;         ///< several of them
  std::vector<std::string> choices;  ///< of its argument, if that is no topic
};

/// The commands, and the options that go with any of them.
struct Grammar {
  std::vector<OptionText> options;
  std::vector<CommandText> commands;
};

std::string bash_script(const Grammar& grammar);
std::string zsh_script(const Grammar& grammar);
std::string fish_script(const Grammar& grammar);

std::string join(const std::vector<std::string>& words, const std::string& separator);

}  // namespace tow::cli
