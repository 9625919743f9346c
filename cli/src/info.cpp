// tow info: everything about one topic.

#include <fmt/core.h>

#include "command.hpp"
#include "describe.hpp"
#include "describe_group.hpp"

namespace tow::cli {
namespace {

std::string bytes(std::uint64_t count) { return human_bytes(static_cast<double>(count)); }

void topic_line(std::string_view label, std::string_view text) {
  write_out(fmt::format("{:<12}{}\n", label, text));
}

std::string describe_stamps(Stamps stamps) {
  switch (stamps) {
    case Stamps::all:
      return "every message";
    case Stamps::none:
      return "none: no latencies";
    default:
      return "every 64th message";
  }
}

void print_head(const Context& context, const Bus& bus, const TopicInfo& info) {
  topic_line("topic", printable(info.name) + (info.removed ? "  (removed)" : ""));
  topic_line("bus", printable(context.bus) + "  " + printable(bus.path()));
  topic_line("messages", info.last == 0 ? "none yet"
                         : info.oldest > info.last
                             ? fmt::format("{}, none readable now", info.last)
                             : fmt::format("{}, readable from {}", info.last, info.oldest));
  topic_line("lag", fmt::format("{} (slowest required subscriber)", largest_lag(info)));
  topic_line("dropped", fmt::format("{} (publishers that rather drop than wait)", info.dropped));
  topic_line("memory", bytes(info.file_bytes));
  topic_line("type", info.type_bytes == 0
                         ? printable(info.type_name)
                         : fmt::format("{}, {} bytes", printable(info.type_name), info.type_bytes));
  topic_line("publishers",
             fmt::format("{}, at most {}", to_word(info.publishers_kind), info.max_publishers));
  topic_line("subscribers", fmt::format("at most {}", info.max_subscribers));
  topic_line("depth",
             fmt::format("{} asked for; {} slots of {} bytes, lanes of {}", info.asked_depth,
                         info.slot_count, info.slot_bytes, info.lane_slot_count));
  topic_line("largest", bytes(info.max_message_bytes));
  topic_line("pool",
             bytes(info.pool_bytes) + " a publisher" + (info.huge_pages ? ", huge pages" : ""));
  topic_line("stamps", describe_stamps(info.stamps));
}

std::string state_of(const ProcessInfo& process, bool evicted = false) {
  if (!process.alive) return "dead";
  return evicted ? "evicted" : "alive";
}

void print_publishers(const TopicInfo& info) {
  write_out(fmt::format("\npublishers: {}\n", info.publishers.size()));
  if (info.publishers.empty()) return;
  Table table({">LANE", ">PID", "COMMAND", ">UID", "STATE", ">PUBLISHED", ">TAKEN OVER"});
  for (const PublisherInfo& publisher : info.publishers) {
    table.add({std::to_string(publisher.lane), std::to_string(publisher.process.pid),
               printable(publisher.process.command), std::to_string(publisher.process.uid),
               state_of(publisher.process), std::to_string(publisher.published),
               std::to_string(publisher.adoptions)});
  }
  table.print();
}

void print_subscribers(const TopicInfo& info) {
  write_out(fmt::format("\nsubscribers: {}\n", info.subscribers.size()));
  if (info.subscribers.empty()) return;
  Table table({">NO", ">PID", "COMMAND", ">UID", "STATE", "DELIVERY", ">NEXT", ">LAG", ">RECEIVED",
               ">GAPS", ">LOST", ">HELD", ">P50", ">P99"});
  for (const SubscriberInfo& reader : info.subscribers) {
    const auto quantile = [&](double ns) {
      return reader.latency_samples == 0 ? std::string("-") : human_ns(ns);
    };
    table.add({std::to_string(reader.number), std::to_string(reader.process.pid),
               printable(reader.process.command), std::to_string(reader.process.uid),
               state_of(reader.process, reader.evicted), to_word(reader.kind),
               std::to_string(reader.cursor), std::to_string(reader.lag),
               std::to_string(reader.received), std::to_string(reader.gaps),
               std::to_string(reader.lost), std::to_string(reader.held), quantile(reader.p50_ns),
               quantile(reader.p99_ns)});
  }
  table.print();
}

void print_groups(const TopicInfo& info) {
  write_out(fmt::format("\ngroups: {}\n", info.groups.size()));
  if (info.groups.empty()) return;
  Table table({"GROUP", "MODE", "STATE", ">CONSUMERS", ">NEXT", ">LAG", ">READY", ">DELIVERED",
               ">DELAYED", ">DEAD", ">OLDEST"});
  for (const GroupInfo& group : info.groups) {
    table.add({printable(group.name), to_word(group.options.mode), state_word(group),
               std::to_string(living_consumers(group)), std::to_string(group.low),
               std::to_string(group.lag), std::to_string(group.ready),
               std::to_string(group.leased + group.started), std::to_string(group.delayed),
               std::to_string(group.dead), age_text(group)});
  }
  table.print();
}

int show(const Context& context, const std::string& name) {
  const Bus bus = open_to_look(context);
  const TopicInfo info = bus.topic_as_bytes(name).value().info();
  if (context.json) {
    Json json = {{"bus", context.bus}, {"path", bus.path()}};
    json.update(to_json(info));
    print_json(json);
    return kOk;
  }
  print_head(context, bus, info);
  print_publishers(info);
  print_subscribers(info);
  print_groups(info);
  return kOk;
}

}  // namespace

void add_info(CLI::App& app, Context& context) {
  const auto topic = std::make_shared<std::string>();
  CLI::App* const command = add_command(
      app, context, "info", "Show a topic: options, publishers, subscribers, groups, latency",
      [topic](const Context& c) { return show(c, *topic); });
  add_topic(command, *topic);
  command->footer(
      "Cursors are published lazily, so a busy subscriber's NEXT and LAG are up to a quarter of "
      "the\n"
      "depth behind the truth. Latency is from publish to take, by stamped messages.\n"
      "Examples:\n"
      "  tow info quotes\n"
      "  tow info quotes --json | jq '.subscribers[].p99_ns'\n");
}

}  // namespace tow::cli
