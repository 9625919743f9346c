// tow send: publishes one message.

#include <fmt/core.h>

#include "command.hpp"
#include "output.hpp"
#include "publishing.hpp"
#include "source.hpp"
#include "stop.hpp"

namespace tow::cli {
namespace {

struct SendArguments {
  PublishingOptions publishing;
  std::string payload;
  bool has_payload = false;  ///< else it comes from stdin
};

void report(const Context& context, const SendArguments& options, std::size_t bytes,
            const Publisher<Bytes>& publisher) {
  const bool dropped = publisher.dropped() != 0;
  if (context.json) {
    print_json({{"topic", options.publishing.topic},
                {"published", dropped ? 0 : 1},
                {"dropped", publisher.dropped()},
                {"bytes", dropped ? 0 : bytes},
                {"last_sequence", publisher.last_sequence()}});
    return;
  }
  if (options.publishing.quiet) return;
  write_out(
      dropped ? std::string("dropped: the topic is full\n")
              : fmt::format("published message {}, {} bytes\n", publisher.last_sequence(), bytes));
}

int send_one(const Context& context, const SendArguments& options) {
  const Bus bus = Bus::open(context.bus).value();
  const auto topic = open_topic(bus, options.publishing.topic, options.payload.size());
  const TopicInfo info = topic.info();
  stop_on_signals();
  std::unique_ptr<Source> source;
  std::optional<std::string_view> payload = options.payload;
  if (!options.has_payload) {
    source = whole_file("-", info.max_message_bytes);
    payload = source->next();
    if (!payload) return kOk;  // stopped while it read
  }
  check_size(info, payload->size());
  auto publisher = open_publisher(topic, options.publishing);
  const Attributes attributes = options.publishing.attributes.attributes();
  const auto sent = publish(publisher, *payload, attributes, options.publishing);
  if (!sent) return stop_requested() ? kOk : fail(sent.error());
  report(context, options, payload->size(), publisher);
  return kOk;
}

}  // namespace

void add_send(CLI::App& app, Context& context) {
  const auto options = std::make_shared<SendArguments>();
  CLI::App* const command =
      add_command(app, context, "send", "Publish one message, with attributes",
                  [options](const Context& c) { return send_one(c, *options); });
  add_topic(command, options->publishing.topic);
  const auto set_payload = [options](const std::string& text) {
    options->payload = text;
    options->has_payload = text != "-";
  };
  command->add_option_function<std::string>("PAYLOAD", set_payload, "The payload; else stdin, or -")
      ->type_name("");
  add_publishing(command, options->publishing);
  command->footer(
      "A missing bus or topic is made, with default options (see tow create). Options end at --,\n"
      "so that a payload may begin with a dash. Subscribers see the message at once, whatever its\n"
      "--delay or --ttl: these concern groups.\n"
      "Exit code 4: the message found no room in time.\n"
      "Examples:\n"
      "  tow send alerts 'disk full' --priority 7 --ttl 10m\n"
      "  tow send orders '{\"total\": 12.5}' -k 'customer 42' --content-type application/json\n"
      "  tow send orders x -H source=till -H attempt:=1 -H express:=true -H digest@order.sha256\n"
      "  jq -c . order.json | tow send orders --reply-topic replies --correlation-id 17\n"
      "  tow send numbers -- -1\n");
}

}  // namespace tow::cli
