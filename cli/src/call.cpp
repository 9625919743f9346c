// tow call: sends one request, prints its replies.

#include "command.hpp"
#include "message_text.hpp"
#include "output.hpp"
#include "source.hpp"
#include "stop.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

struct CallArguments {
  std::string service, payload, format = "text";
  bool has_payload = false;  ///< else it comes from stdin
  bool no_wait = false;
  std::optional<std::chrono::nanoseconds> timeout;
};

int call(const Context& context, const CallArguments& options) {
  constexpr std::chrono::seconds kTimeout{10};
  constexpr std::uint64_t kLongest = 1 << 30;
  stop_on_signals();
  std::unique_ptr<Source> source;
  std::optional<std::string_view> payload = options.payload;
  if (!options.has_payload) {
    source = whole_file("-", kLongest);
    payload = source->next();
    if (!payload) return kOk;  // stopped while it read
  }
  const Bus bus = Bus::open(context.bus).value();
  auto client = bus.client(options.service, {.fail_without_server = options.no_wait}).value();
  auto pending = client.send(*payload, options.timeout.value_or(kTimeout)).value();
  const MessageText text(context.json ? "json" : options.format, client.reply_topic());
  while (!stop_requested()) {
    if (!pending.wait(kLookForStop)) continue;
    auto reply = pending.next();
    if (!reply) return fail(reply.error());
    if (!*reply) return kOk;
    write_out(text.of(**reply));
    flush();  // each part of a stream as soon as it is there
  }
  return kOk;
}

}  // namespace

void add_call(CLI::App& app, Context& context) {
  const auto options = std::make_shared<CallArguments>();
  CLI::App* const command =
      add_command(app, context, "call", "Send a request to a service, print its replies",
                  [options](const Context& c) { return call(c, *options); });
  command->add_option("SERVICE", options->service, "Name of the service")
      ->required()
      ->type_name("");
  const auto set_payload = [options](const std::string& text) {
    options->payload = text;
    options->has_payload = text != "-";
  };
  command->add_option_function<std::string>("PAYLOAD", set_payload, "The request; else stdin, or -")
      ->type_name("");
  add_duration(command, "--timeout", options->timeout, "How long the whole call may take [10s]");
  add_choice(command, "-o,--output", options->format, "text|hex|raw|json", "How to print a reply");
  command->add_flag("--no-wait", options->no_wait, "Fail at once when nobody serves");
  command->footer(
      "Prints every reply of a stream as it comes. A server that dies ends the call with an error\n"
      "at once; what it had begun is not done by another, unless the service allows several\n"
      "attempts.\n"
      "Exit code 1: the service failed, or its server died; 4: no reply in time.\n"
      "Examples:\n"
      "  tow call upper hello\n"
      "  jq -c . order.json | tow call orders --timeout 1s\n");
}

}  // namespace tow::cli
