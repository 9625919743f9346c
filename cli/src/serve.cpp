// tow serve: answers requests by running a command for each.

#include <fmt/core.h>

#include "child.hpp"
#include "command.hpp"
#include "output.hpp"
#include "stop.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

struct ServeArguments {
  std::string service;
  std::vector<std::string> command;
  std::uint64_t count = 0;
  std::uint64_t max_attempts = 0;
  bool quiet = false;
};

std::string last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of("\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  return std::string(text.substr(text.find_last_of('\n') + 1));
}

/// True when it was answered with what the command said.
bool answer(Request<>& request, const std::vector<std::string>& command) {
  const Ran ran = run_command(command, request.bytes());
  if (ran.code == 0) {
    auto replied = request.reply(ran.out);
    if (!replied && !request.answered()) (void)request.fail(replied.error().message());
    return replied.has_value();
  }
  std::string why = last_line(ran.err);
  if (why.empty()) why = command[0] + " ended with exit code " + std::to_string(ran.code);
  (void)request.fail(why, ran.code);  // its caller may be gone
  return false;
}

int serve(const Context& context, const ServeArguments& options) {
  const Bus bus = Bus::open(context.bus).value();
  const auto attempts = static_cast<std::uint32_t>(options.max_attempts);
  auto server = bus.server(options.service, {.service = {.max_attempts = attempts}}).value();
  stop_on_signals();
  std::uint64_t answered = 0, failed = 0;
  while (!stop_requested() && (options.count == 0 || answered + failed < options.count)) {
    auto request = server.take(kLookForStop);
    if (request.failed()) return fail(request.error());
    if (!request) continue;
    answer(request, options.command) ? ++answered : ++failed;
  }
  if (context.json) {
    print_json({{"service", options.service}, {"answered", answered}, {"failed", failed}});
  } else if (!options.quiet) {
    write_out(fmt::format("answered {} requests, failed {}\n", answered, failed));
  }
  return kOk;
}

}  // namespace

void add_serve(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ServeArguments>();
  CLI::App* const command =
      add_command(app, context, "serve", "Answer requests by running a command for each",
                  [options](const Context& c) { return serve(c, *options); });
  command->add_option("SERVICE", options->service, "Name of the service")
      ->required()
      ->type_name("");
  command->add_option("COMMAND", options->command, "The command and its arguments, behind --")
      ->required()
      ->type_name("");
  add_number(command, "-n,--count", options->count, "End after so many requests [never]");
  add_number(command, "--max-attempts", options->max_attempts,
             "A new service: how often a request is begun, should servers die [1]");
  command->add_flag("-q,--quiet", options->quiet, "Do not say at the end how many there were");
  command->footer(
      "The request comes on the command's stdin; what it prints is the reply. One that ends with\n"
      "another exit code than 0 fails the request, with the last line of its stderr. One request\n"
      "at a time; start it several times to answer more. A command that runs is not stopped when\n"
      "its caller gives up; what it prints is dropped then, and the request counts as failed.\n"
      "Examples:\n"
      "  tow serve upper -- tr a-z A-Z\n"
      "  tow serve sums -- jq -c '{sum: (.a + .b)}'\n");
}

}  // namespace tow::cli
