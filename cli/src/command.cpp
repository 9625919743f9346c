#include "command.hpp"

#include <fmt/core.h>

namespace tow::cli {

CLI::App* add_command(CLI::App& app, Context& context, const std::string& name,
                      const std::string& description, Action action) {
  CLI::App* const command = app.add_subcommand(name, description);
  command->fallthrough();  // --bus and --json may follow the command
  command->callback([&context, run = std::move(action)] {
    context.run = [&context, run] { return run(context); };
  });
  return command;
}

CLI::Option* add_topic(CLI::App* command, std::string& topic) {
  return command->add_option("TOPIC", topic, "Name of the topic")->required()->type_name("");
}

Bus open_to_look(const Context& context) {
  return Bus::open(context.bus, {.create = false, .observe = true}).value();
}

Bus open_to_join(const Context& context) {
  return Bus::open(context.bus, {.create = false}).value();
}

void complain(const std::string& message) { fmt::print(stderr, "tow: {}\n", message); }

int exit_code(Code code) {
  switch (code) {
    case Code::not_found:
      return kNotFound;
    case Code::timed_out:
      return kTimedOut;
    case Code::invalid_name:
    case Code::invalid_argument:
      return kUsage;
    default:
      return kFailed;
  }
}

int fail(Error error) {
  complain(error.message());
  return exit_code(error.code);
}

}  // namespace tow::cli
