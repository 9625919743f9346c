// tow ls: the topics of a bus.

#include <fmt/core.h>

#include "command.hpp"
#include "describe.hpp"
#include "describe_group.hpp"

namespace tow::cli {
namespace {

struct LsArguments {
  bool details = false;
  bool names = false;
};

std::string latency(const TopicInfo& info) {
  double worst = 0;
  for (const SubscriberInfo& reader : info.subscribers) worst = std::max(worst, reader.p99_ns);
  return worst == 0 ? "-" : human_ns(worst);
}

std::vector<std::string> describe_row(const TopicInfo& info, bool details) {
  std::vector<std::string> row{printable(info.name),
                               std::to_string(info.last),
                               std::to_string(living_publishers(info)),
                               std::to_string(living_subscribers(info)),
                               std::to_string(largest_lag(info)),
                               std::to_string(info.groups.size()),
                               std::to_string(largest_group_lag(info)),
                               human_bytes(static_cast<double>(info.file_bytes))};
  if (!details) return row;
  row.insert(row.end(), {to_word(info.publishers_kind), std::to_string(info.asked_depth),
                         human_bytes(static_cast<double>(info.max_message_bytes)),
                         std::to_string(info.dropped), latency(info), printable(info.type_name)});
  return row;
}

Json summary(const TopicInfo& info) {
  Json json = {{"topic", info.name},
               {"messages", info.last},
               {"publishers", living_publishers(info)},
               {"subscribers", living_subscribers(info)},
               {"lag", largest_lag(info)},
               {"groups", info.groups.size()},
               {"group_lag", largest_group_lag(info)},
               {"memory_bytes", info.file_bytes}};
  return json;
}

int list(const Context& context, const LsArguments& options) {
  const Bus bus = open_to_look(context);
  Table table(options.details
                  ? std::vector<std::string>{"TOPIC", ">MESSAGES", ">PUBLISHERS", ">SUBSCRIBERS",
                                             ">LAG", ">GROUPS", ">GROUP LAG", ">MEMORY", "KIND",
                                             ">DEPTH", ">LARGEST", ">DROPPED", ">P99", "TYPE"}
                  : std::vector<std::string>{"TOPIC", ">MESSAGES", ">PUBLISHERS", ">SUBSCRIBERS",
                                             ">LAG", ">GROUPS", ">GROUP LAG", ">MEMORY"});
  Json topics = Json::array();
  int code = kOk;
  for (const std::string& name : bus.topics()) {
    const auto topic = bus.topic_as_bytes(name);
    if (!topic) {
      if (topic.error() == Code::not_found) continue;  // removed since we listed it
      code = fail(topic.error());
      continue;
    }
    const TopicInfo info = topic->info();
    if (context.json) {
      topics.push_back(options.details ? to_json(info) : summary(info));
    } else {
      table.add(describe_row(info, options.details));
    }
  }
  if (context.json) {
    print_json({{"bus", context.bus}, {"path", bus.path()}, {"topics", topics}});
  } else {
    table.print();
  }
  return code;
}

int list_names(const Context& context) {
  const Bus bus = open_to_look(context);
  const auto names = bus.topics();
  if (context.json) {
    print_json(names);
    return kOk;
  }
  for (const std::string& name : names) write_out(name + '\n');
  return kOk;
}

}  // namespace

void add_ls(CLI::App& app, Context& context) {
  const auto options = std::make_shared<LsArguments>();
  CLI::App* const command = add_command(
      app, context, "ls", "List the topics of the bus",
      [options](const Context& c) { return options->names ? list_names(c) : list(c, *options); });
  command->add_flag("-l,--long", options->details, "Show options and latency too");
  command->add_flag("--names", options->names, "Print the names alone, one a line");
  command->footer(
      "LAG is that of the slowest required subscriber, GROUP LAG that of the group with the most\n"
      "unsettled messages; LARGEST the largest message allowed; P99 the slowest subscriber's, "
      "from\n"
      "publish to take. Only living processes count.\n"
      "Examples:\n"
      "  tow ls\n"
      "  tow --bus market ls -l\n"
      "  tow ls --json | jq '.topics[] | select(.lag > 100)'\n");
}

}  // namespace tow::cli
