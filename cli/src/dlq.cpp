// tow dlq: messages that groups gave up.

#include <fmt/core.h>

#include <algorithm>

#include "dead_letter_topic.hpp"
#include "message_text.hpp"
#include "output.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

struct ShowArguments {
  std::string topic, format = "text";
  std::uint64_t count = 0;
};

/// Nothing when the topic was not needed yet.
std::uint64_t lying_in(const Bus& bus, const std::string& topic) {
  const auto opened = bus.topic_as_bytes(topic);
  return opened ? dead_letters_in(opened->info()).count : 0;
}

int list_dead_letter_topics(const Context& context) {
  const Bus bus = open_to_look(context);
  Json rows = Json::array();
  Table table(
      {"DEAD LETTERS", ">MESSAGES", "FROM TOPIC", "GROUP", ">GIVEN UP", ">EXPIRED", ">NOT MOVED"});
  int code = kOk;
  for (const std::string& name : bus.topics()) {
    const auto topic = bus.topic_as_bytes(name);
    if (!topic) {
      if (!(topic.error() == Code::not_found)) code = fail(topic.error());
      continue;  // removed since we listed it, or damaged
    }
    for (const GroupInfo& group : topic->info().groups) {
      const std::string& letters = group.options.dead_letter;
      if (letters.empty()) continue;
      const std::uint64_t lying = lying_in(bus, letters);
      rows.push_back({{"dead_letter", letters},
                      {"messages", lying},
                      {"topic", name},
                      {"group", group.name},
                      {"gave_up", group.gave_up},
                      {"expired", group.expired},
                      {"not_moved", group.dead},
                      {"left_dead", group.left_dead}});
      table.add({printable(letters), std::to_string(lying), printable(name), printable(group.name),
                 std::to_string(group.gave_up), std::to_string(group.expired),
                 std::to_string(group.dead)});
    }
  }
  if (context.json) {
    print_json({{"dead_letters", rows}});
  } else {
    table.print();
  }
  return code;
}

int show(const Context& context, const ShowArguments& options) {
  const Bus bus = open_to_look(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  const DeadLetterRange range = dead_letters_in(topic.info());
  const MessageText text(context.json ? "json" : options.format, options.topic, true);
  auto observer = topic.observer(Start::sequence(std::max<std::uint64_t>(range.first, 1)));
  std::uint64_t shown = 0;
  int code = kOk;
  while (observer.next_sequence() <= range.last && (options.count == 0 || shown < options.count)) {
    const std::uint64_t next = observer.next_sequence();
    const auto message = observer.try_take();
    if (message) {
      write_out(text.of(message));
      ++shown;
    } else if (message.failed()) {
      code = fail(message.error());
    }
    if (observer.next_sequence() == next) break;  // gone meanwhile, or not to be had
  }
  if (shown == 0 && code == kOk) complain("no dead letters in " + printable(options.topic));
  return code;
}

int purge(const Context& context, const ShowArguments& options) {
  const Bus bus = open_to_join(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  const auto group = redrive_group(topic);
  const std::uint64_t purged = dead_letters_in(topic.info()).count;
  group.seek(SeekTo::newest()).value();
  if (context.json) {
    print_json({{"topic", options.topic}, {"purged", purged}});
  } else {
    write_out(fmt::format("purged {} dead letters of {}\n", purged, printable(options.topic)));
  }
  return kOk;
}

void add_show(CLI::App& parent, Context& context) {
  const auto options = std::make_shared<ShowArguments>();
  CLI::App* const command =
      add_command(parent, context, "show", "Print the messages of a topic of dead letters",
                  [options](const Context& c) { return show(c, *options); });
  add_topic(command, options->topic);
  add_choice(command, "--format", options->format, "text|hex|json",
             "text: what is known of it, headers, a line; hex: a dump; json: a line each [text]");
  add_number(command, "-n,--count", options->count, "Stop after N messages", 1);
}

}  // namespace

DeadLetterRange dead_letters_in(const TopicInfo& info) {
  for (const GroupInfo& group : info.groups) {
    if (group.name != kRedrive) continue;
    if (group.lag == 0) return {info.last + 1, info.last, 0};
    return {std::max(group.low, info.oldest), info.last, group.lag};
  }
  if (info.last == 0 || info.oldest > info.last) return {};
  return {info.oldest, info.last, info.last - info.oldest + 1};
}

Group<Bytes> redrive_group(const Topic<Bytes>& topic) {
  const auto names = topic.groups();
  if (std::find(names.begin(), names.end(), kRedrive) != names.end()) {
    return topic.group(kRedrive).value();
  }
  return topic
      .group(kRedrive, {.start = Start::oldest(),
                        .max_length = topic.info().asked_depth,
                        .overflow = Overflow::drop_oldest})
      .value();
}

void add_dlq(CLI::App& app, Context& context) {
  CLI::App* const parent =
      app.add_subcommand("dlq", "Dead letters: look at what groups gave up, send it back");
  parent->fallthrough();
  parent->require_subcommand(1);
  add_command(*parent, context, "ls", "List groups with a topic for dead letters",
              list_dead_letter_topics);
  add_show(*parent, context);
  add_dlq_redrive(*parent, context);
  const auto options = std::make_shared<ShowArguments>();
  CLI::App* const command = add_command(*parent, context, "purge", "Be done with what lies there",
                                        [options](const Context& c) { return purge(c, *options); });
  add_topic(command, options->topic);
  parent->footer(
      "Dead letters lie in a topic, which tow group create --dead-letter names. Each says in its\n"
      "headers where it comes from and why it died: dead.topic, dead.group, dead.sequence,\n"
      "dead.attempts, dead.reason. What is NOT MOVED waits in its group; tow group info says why.\n"
      "Redriving and purging move the group `redrive` of that topic, which they make: ls counts,\n"
      "and show prints, what it has not settled. When the topic is full the oldest dead letters\n"
      "are lost, unless a group of it lets nobody overwrite them:\n"
      "tow group create orders.dead redrive --start oldest\n"
      "Examples:\n"
      "  tow dlq ls\n"
      "  tow dlq show orders.dead -n 10\n"
      "  tow dlq redrive orders.dead --count 1\n"
      "  tow dlq purge orders.dead\n");
}

}  // namespace tow::cli
