// tow group create: a group with the options it keeps for ever.

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "describe_group.hpp"
#include "group.hpp"
#include "output.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

struct GroupCreateArguments {
  std::string topic, group, mode = "shared", start = "next", overflow = "block";
  std::uint64_t max_attempts = GroupOptions{}.max_attempts;
  std::optional<std::chrono::nanoseconds> lease, backoff, max_backoff, time_to_live;
  GroupOptions rest;
};

GroupOptions group_options(const GroupCreateArguments& options) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint32_t>::max();
  GroupOptions result = options.rest;
  result.mode = options.mode == "ordered"         ? GroupMode::ordered
                : options.mode == "single-active" ? GroupMode::single_active
                                                  : GroupMode::shared;
  result.overflow = options.overflow == "reject"        ? Overflow::reject
                    : options.overflow == "drop-oldest" ? Overflow::drop_oldest
                                                        : Overflow::block;
  result.start = *parse_start(options.start);
  // The library names the bound.
  result.max_attempts = static_cast<std::uint32_t>(std::min(options.max_attempts, kLargest));
  result.lease = options.lease.value_or(result.lease);
  result.backoff = options.backoff.value_or(result.backoff);
  result.max_backoff = options.max_backoff.value_or(result.max_backoff);
  result.time_to_live = options.time_to_live.value_or(result.time_to_live);
  return result;
}

int create(const Context& context, const GroupCreateArguments& options) {
  const Bus bus = open_to_join(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  const bool existed = has_group(topic, options.group);
  const GroupInfo info = topic.group(options.group, group_options(options)).value().info();
  if (context.json) {
    Json json = {{"topic", options.topic}, {"created", !existed}};
    json.update(to_json(info));
    print_json(json);
  } else {
    write_out(fmt::format("{} {}: {}, from message {}\n", existed ? "already there:" : "created",
                          group_title(options.topic, options.group), to_word(info.options.mode),
                          info.low));
  }
  return kOk;
}

void add_limits(CLI::App* command, GroupCreateArguments& options) {
  add_number(command, "--max-attempts", options.max_attempts,
             "How often a message is begun before it is given up, 1 to 30 [16]", 1);
  add_duration(command, "--lease", options.lease,
               "Take a delivery from a consumer that has not settled it by then [never]");
  add_duration(command, "--backoff", options.backoff,
               "Wait before the third attempt, then twice as long each time [100ms]");
  add_duration(command, "--max-backoff", options.max_backoff, "At most so long [60s]");
  add_duration(command, "--ttl", options.time_to_live,
               "Give up what is older when its turn comes; needs a topic with --stamps all");
  add_number(command, "--max-length", options.rest.max_length,
             "Unsettled messages it may have [as the topic holds]", 1);
  add_choice(command, "--overflow", options.overflow, "block|reject|drop-oldest",
             "With --max-length: publishers wait, fail, or the oldest is dropped [block]");
}

}  // namespace

void add_group_create(CLI::App& parent, Context& context) {
  const auto options = std::make_shared<GroupCreateArguments>();
  CLI::App* const command =
      add_command(parent, context, "create", "Make a group",
                  [options](const Context& c) { return create(c, *options); });
  add_topic_and_group(command, options->topic, options->group);
  add_choice(command, "--mode", options->mode, "shared|ordered|single-active",
             "Who gets the next message: anybody, one at a time for each key, or one for all "
             "[shared]");
  command
      ->add_option("--start", options->start,
                   "next, oldest, last:N, time:AGO (such as time:10m), or a sequence")
      ->type_name("START")
      ->check(check_start, "")
      ->capture_default_str();
  add_limits(command, *options);
  command->add_flag("--by-priority", options->rest.by_priority,
                    "Of the 256 oldest, hand out the more urgent first");
  command
      ->add_option("--key-pattern", options->rest.key_pattern,
                   "Only messages whose key matches: words between dots, * is one, # any number")
      ->type_name("PATTERN");
  command->add_option("--tag", options->rest.tag, "Only messages with this tag")->type_name("TAG");
  command
      ->add_option("--dead-letter", options->rest.dead_letter,
                   "Topic for what is given up, made when needed [none: dropped]")
      ->type_name("TOPIC");
  command->footer(
      "A group that exists with these options is left as it is; one that differs is an error "
      "which\n"
      "names both. Options are for ever: to change them, remove the group and make it anew.\n"
      "From now on publishers wait for its consumers, unless --overflow says otherwise.\n"
      "Examples:\n"
      "  tow group create orders workers --max-attempts 5 --dead-letter orders.dead\n"
      "  tow group create orders billing --mode ordered --start oldest --lease 30s\n"
      "  tow group create logs tail --max-length 1000 --overflow drop-oldest\n"
      "  tow group create orders urgent --by-priority --key-pattern 'customer.#'\n");
}

}  // namespace tow::cli
