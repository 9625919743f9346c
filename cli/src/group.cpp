// tow group: what shares a topic's messages, where it stands, and what is done to it.

#include "group.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "describe_group.hpp"
#include "output.hpp"

namespace tow::cli {
namespace {

struct GroupArguments {
  std::string topic, group;
};

void list_topic(const TopicInfo& info, Json& groups, Table& table) {
  for (const GroupInfo& group : info.groups) {
    Json json = {{"topic", info.name}};
    json.update({{"group", group.name},
                 {"mode", to_word(group.options.mode)},
                 {"paused", group.paused},
                 {"lag", group.lag},
                 {"consumers", living_consumers(group)},
                 {"oldest_age_ns", group.oldest_age.count()}});
    groups.push_back(std::move(json));
    table.add({printable(info.name), printable(group.name), to_word(group.options.mode),
               state_word(group), std::to_string(group.lag),
               std::to_string(living_consumers(group)), age_text(group)});
  }
}

int list(const Context& context, const GroupArguments& options) {
  const Bus bus = open_to_look(context);
  Json groups = Json::array();
  Table table({"TOPIC", "GROUP", "MODE", "STATE", ">LAG", ">CONSUMERS", ">OLDEST"});
  int code = kOk;
  if (!options.topic.empty()) {
    list_topic(bus.topic_as_bytes(options.topic).value().info(), groups, table);
  } else {
    for (const std::string& name : bus.topics()) {
      const auto topic = bus.topic_as_bytes(name);
      if (topic) {
        list_topic(topic->info(), groups, table);
      } else if (!(topic.error() == Code::not_found)) {  // else removed since we listed it
        code = fail(topic.error());
      }
    }
  }
  if (context.json) {
    print_json({{"groups", groups}});
  } else {
    table.print();
  }
  return code;
}

void group_line(std::string_view label, std::string_view text) {
  write_out(fmt::format("{:<14}{}\n", label, text));
}

std::string time_text(std::chrono::nanoseconds time, const char* none) {
  return time.count() == 0 ? none : human_ns(static_cast<double>(time.count()));
}

void print_options(const GroupOptions& options) {
  group_line("mode", to_word(options.mode) + (options.by_priority ? ", by priority" : ""));
  group_line("attempts", fmt::format("at most {}; backoff {} to {}", options.max_attempts,
                                     time_text(options.backoff, "none"),
                                     time_text(options.max_backoff, "none")));
  group_line("lease", time_text(options.lease, "until the consumer settles, ends or dies"));
  group_line("time to live", time_text(options.time_to_live, "as messages say"));
  group_line("length", options.max_length == 0
                           ? "as much as the topic holds"
                           : fmt::format("at most {}, then {}", options.max_length,
                                         to_word(options.overflow)));
  group_line("keys", options.key_pattern.empty() ? "all" : printable(options.key_pattern));
  group_line("tag", options.tag.empty() ? "any" : printable(options.tag));
  group_line("dead letters", options.dead_letter.empty()
                                 ? "none: what is given up is dropped"
                                 : "to " + printable(options.dead_letter) +
                                       (options.drop_when_dead_letters_full
                                            ? ", dropped when they cannot be moved"
                                            : ", waiting when they cannot be moved"));
}

void print_consumers(const GroupInfo& info) {
  write_out(fmt::format("\nconsumers: {}\n", info.consumers.size()));
  if (info.consumers.empty()) return;
  Table table(
      {">NO", ">PID", "COMMAND", ">UID", "STATE", ">LEASED", ">STARTED", ">TAKEN", ">ACKED"});
  for (const ConsumerInfo& consumer : info.consumers) {
    const ProcessInfo& process = consumer.process;
    table.add({std::to_string(consumer.number), std::to_string(process.pid),
               printable(process.command), std::to_string(process.uid),
               process.alive ? "alive" : "dead", std::to_string(consumer.leased),
               std::to_string(consumer.started), std::to_string(consumer.taken),
               std::to_string(consumer.acked)});
  }
  table.print();
}

int show(const Context& context, const GroupArguments& options) {
  const Bus bus = open_to_look(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  const GroupInfo info = existing_group(topic, options.group).info();
  if (context.json) {
    Json json = {{"topic", options.topic}};
    json.update(to_json(info));
    print_json(json);
    return kOk;
  }
  group_line("group", fmt::format("{} of topic {}, {}", printable(info.name),
                                  printable(options.topic), state_word(info)));
  group_line("lag",
             fmt::format("{} unsettled{}; from {}, the topic's last is {}", info.lag,
                         info.oldest_age.count() > 0 ? ", the oldest for " + age_text(info) : "",
                         info.low, info.last));
  group_line(
      "messages",
      fmt::format("{} ready, {} leased, {} started, {} delayed, {} dead, {} settling", info.ready,
                  info.leased, info.started, info.delayed, info.dead, info.settling));
  group_line("until now",
             fmt::format("{} retried, {} returned, {} expired, {} dropped, {} given up, "
                         "{} lost, {} filtered, {} seeks",
                         info.retried, info.returned, info.expired, info.dropped, info.gave_up,
                         info.lost, info.filtered, info.seeks));
  print_options(info.options);
  if (!info.left_dead.empty()) group_line("not moved", printable(info.left_dead));
  print_consumers(info);
  return kOk;
}

int set_paused(const Context& context, const GroupArguments& options, bool paused) {
  const Bus bus = open_to_join(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  const auto group = existing_group(topic, options.group);
  (paused ? group.pause() : group.resume()).value();
  if (context.json) {
    print_json({{"topic", options.topic}, {"group", options.group}, {"paused", paused}});
  } else {
    write_out(fmt::format("{} {}\n", paused ? "paused" : "resumed",
                          group_title(options.topic, options.group)));
  }
  return kOk;
}

int remove(const Context& context, const GroupArguments& options) {
  const Bus bus = open_to_join(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  const std::uint64_t lag = existing_group(topic, options.group).info().lag;
  topic.remove_group(options.group).value();
  if (context.json) {
    print_json({{"topic", options.topic}, {"group", options.group}, {"unsettled", lag}});
  } else {
    write_out(fmt::format("removed {}; {} messages were unsettled\n",
                          group_title(options.topic, options.group), lag));
  }
  return kOk;
}

void add_action(CLI::App& parent, Context& context, const char* name, const char* description,
                int (*action)(const Context&, const GroupArguments&)) {
  const auto options = std::make_shared<GroupArguments>();
  CLI::App* const command =
      add_command(parent, context, name, description,
                  [options, action](const Context& c) { return action(c, *options); });
  add_topic_and_group(command, options->topic, options->group);
}

void add_list(CLI::App& parent, Context& context) {
  const auto options = std::make_shared<GroupArguments>();
  add_command(parent, context, "ls", "List the groups of one topic or of all",
              [options](const Context& c) { return list(c, *options); })
      ->add_option("TOPIC", options->topic, "Name of the topic")
      ->type_name("");
}

}  // namespace

bool has_group(const Topic<Bytes>& topic, const std::string& name) {
  const auto names = topic.groups();
  return std::find(names.begin(), names.end(), name) != names.end();
}

Group<Bytes> existing_group(const Topic<Bytes>& topic, const std::string& name) {
  if (!has_group(topic, name)) {
    throw BadResult(make_error(
        Code::not_found, fmt::format("topic {0} has no group {1}; see tow group ls {0}, or make it "
                                     "with tow group create {0} {1}",
                                     printable(topic.name()), printable(name))));
  }
  return topic.group(name).value();
}

void add_topic_and_group(CLI::App* command, std::string& topic, std::string& group) {
  add_topic(command, topic);
  command->add_option("GROUP", group, "Name of the group")->required()->type_name("");
}

std::string group_title(const std::string& topic, const std::string& group) {
  return fmt::format("group {} of topic {}", printable(group), printable(topic));
}

void add_group(CLI::App& app, Context& context) {
  CLI::App* const parent =
      app.add_subcommand("group", "Groups of consumers: make, look at, move, pause, remove");
  parent->fallthrough();
  parent->require_subcommand(1);
  add_list(*parent, context);
  add_action(*parent, context, "info", "Show a group: options, messages, consumers", show);
  add_group_create(*parent, context);
  add_group_seek(*parent, context);
  add_action(*parent, context, "pause", "Hand nothing out until it is resumed",
             [](const Context& c, const GroupArguments& o) { return set_paused(c, o, true); });
  add_action(*parent, context, "resume", "Hand messages out again",
             [](const Context& c, const GroupArguments& o) { return set_paused(c, o, false); });
  add_action(*parent, context, "rm", "Remove a group: its consumers end, nobody waits for it",
             remove);
  parent->footer(
      "A group shares a topic's messages among its consumers, each of which it settles once. It\n"
      "lives with or without consumers, and publishers wait for it unless its overflow says\n"
      "otherwise. LAG counts unsettled messages. tow group ACTION --help says more of each.\n"
      "Exit code 3: no such topic or group.\n"
      "Examples:\n"
      "  tow group create orders workers --max-attempts 5 --dead-letter orders.dead\n"
      "  tow group ls\n"
      "  tow group info orders workers --json | jq .messages\n"
      "  tow group seek orders workers time=1h --dry-run\n"
      "  tow group pause orders workers\n"
      "  tow group rm orders workers\n");
}

}  // namespace tow::cli
