// tow create: a topic, and the bus if need be.

#include <fmt/core.h>

#include <limits>

#include "command.hpp"
#include "describe.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

struct CreateArguments {
  std::string topic, publishers, stamps, mode = "0600";
  std::uint64_t slot_bytes = 0, max_publishers = 0, max_subscribers = 0;
  TopicOptions topic_options;
};

std::uint32_t narrow(std::uint64_t value) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(value, kLargest));  // the library names the bound
}

TopicOptions topic_options(const CreateArguments& options) {
  TopicOptions result = options.topic_options;
  result.slot_bytes = narrow(options.slot_bytes);
  result.max_publishers = narrow(options.max_publishers);
  result.max_subscribers = narrow(options.max_subscribers);
  if (!options.publishers.empty()) {
    result.publishers = options.publishers == "one" ? Publishers::one : Publishers::many;
  }
  if (!options.stamps.empty()) {
    result.stamps = options.stamps == "all"    ? Stamps::all
                    : options.stamps == "none" ? Stamps::none
                                               : Stamps::sampled;
  }
  return result;
}

int create(const Context& context, const CreateArguments& options) {
  const auto mode = static_cast<std::uint32_t>(std::stoul(options.mode, nullptr, 8));
  const Bus bus = Bus::open(context.bus, {.file_mode = mode}).value();
  const bool existed = bus.topic_as_bytes(options.topic).has_value();
  const auto topic = bus.topic<Bytes>(options.topic, topic_options(options)).value();
  const TopicInfo info = topic.info();
  if (context.json) {
    Json json = {{"bus", context.bus}, {"path", bus.path()}, {"created", !existed}};
    json.update(to_json(info));
    print_json(json);
  } else {
    write_out(fmt::format("{} {}: publishers {}, depth {}, messages up to {}, {} now\n",
                          existed ? "already there:" : "created", printable(info.name),
                          to_word(info.publishers_kind), info.asked_depth,
                          human_bytes(static_cast<double>(info.max_message_bytes)),
                          human_bytes(static_cast<double>(info.file_bytes))));
  }
  return kOk;
}

std::string check_mode(const std::string& text) {
  const bool octal =
      !text.empty() && text.size() <= 4 && text.find_first_not_of("01234567") == std::string::npos;
  return octal ? "" : text + " are no rights; write them as chmod does, for example 0660";
}

}  // namespace

void add_create(CLI::App& app, Context& context) {
  const auto options = std::make_shared<CreateArguments>();
  CLI::App* const command =
      add_command(app, context, "create", "Create a topic of bytes, and the bus if need be",
                  [options](const Context& c) { return create(c, *options); });
  TopicOptions& topic = options->topic_options;
  add_topic(command, options->topic);
  add_choice(command, "--publishers", options->publishers, "one|many",
             "One is the fastest, many share one order [many]");
  add_size(command, "--depth", topic.depth,
           "Messages that fit before publishers wait: 16 to 4M [1024]")
      ->type_name("N");
  add_number(command, "--slot-bytes", options->slot_bytes,
             "64, 128 or 256; 16 less travel inline [64]");
  add_size(command, "--max-message", topic.max_message_bytes, "Largest message, to 1G [64K]");
  add_size(command, "--pool", topic.pool_bytes,
           "Each publisher's memory for messages that do not fit a slot [256K or more]");
  add_size(command, "--lane-depth", topic.lane_depth,
           "Slots of one publisher where many publish [as the topic]")
      ->type_name("N");
  add_number(command, "--max-publishers", options->max_publishers, "At a time, 1 to 1024 [1024]");
  add_number(command, "--max-subscribers", options->max_subscribers, "At a time, 1 to 1024 [1024]");
  add_choice(command, "--stamps", options->stamps, "sampled|all|none",
             "Which messages are stamped for latencies [sampled]");
  command->add_flag("--huge-pages", topic.huge_pages, "Ask for huge pages; see tow doctor");
  command->add_option("--mode", options->mode, "Rights of a bus that this makes, as for chmod")
      ->type_name("OCTAL")
      ->check(check_mode, "")
      ->capture_default_str();
  command->footer(
      "A topic that exists with these options is left as it is; one that differs is an error "
      "which\n"
      "names both. Programs create their topics themselves; this is for topics between scripts.\n"
      "Examples:\n"
      "  tow create numbers\n"
      "  tow create ticks --publishers one --depth 64K\n"
      "  tow create frames --max-message 8M --pool 256M --huge-pages\n");
}

}  // namespace tow::cli
