#include "describe_group.hpp"

#include <algorithm>

namespace tow::cli {
namespace {

Json consumer_json(const ConsumerInfo& consumer) {
  return {{"number", consumer.number},       {"pid", consumer.process.pid},
          {"uid", consumer.process.uid},     {"command", consumer.process.command},
          {"alive", consumer.process.alive}, {"leased", consumer.leased},
          {"started", consumer.started},     {"taken", consumer.taken},
          {"acked", consumer.acked}};
}

Json options_json(const GroupOptions& options) {
  return {{"mode", to_word(options.mode)},
          {"max_attempts", options.max_attempts},
          {"lease_ns", options.lease.count()},
          {"backoff_ns", options.backoff.count()},
          {"max_backoff_ns", options.max_backoff.count()},
          {"time_to_live_ns", options.time_to_live.count()},
          {"max_length", options.max_length},
          {"overflow", to_word(options.overflow)},
          {"by_priority", options.by_priority},
          {"key_pattern", options.key_pattern},
          {"tag", options.tag},
          {"dead_letter", options.dead_letter},
          {"drop_when_dead_letters_full", options.drop_when_dead_letters_full}};
}

}  // namespace

std::string to_word(GroupMode mode) {
  switch (mode) {
    case GroupMode::ordered:
      return "ordered";
    case GroupMode::single_active:
      return "single-active";
    default:
      return "shared";
  }
}

std::string to_word(Overflow overflow) {
  switch (overflow) {
    case Overflow::reject:
      return "reject";
    case Overflow::drop_oldest:
      return "drop-oldest";
    default:
      return "block";
  }
}

std::uint64_t living_consumers(const GroupInfo& info) {
  const auto alive = [](const ConsumerInfo& consumer) { return consumer.process.alive; };
  return static_cast<std::uint64_t>(
      std::count_if(info.consumers.begin(), info.consumers.end(), alive));
}

std::uint64_t largest_group_lag(const TopicInfo& info) {
  std::uint64_t lag = 0;
  for (const GroupInfo& group : info.groups) lag = std::max(lag, group.lag);
  return lag;
}

std::string age_text(const GroupInfo& info) {
  const auto ns = info.oldest_age.count();
  return ns <= 0 ? "-" : human_ns(static_cast<double>(ns));
}

std::string state_word(const GroupInfo& info) { return info.paused ? "paused" : "running"; }

Json to_json(const GroupInfo& info) {
  Json consumers = Json::array();
  for (const ConsumerInfo& consumer : info.consumers) consumers.push_back(consumer_json(consumer));
  return {{"group", info.name},
          {"paused", info.paused},
          {"low_sequence", info.low},
          {"last_sequence", info.last},
          {"lag", info.lag},
          {"oldest_age_ns", info.oldest_age.count()},
          {"options", options_json(info.options)},
          {"messages",
           {{"ready", info.ready},
            {"leased", info.leased},
            {"started", info.started},
            {"delayed", info.delayed},
            {"dead", info.dead},
            {"settling", info.settling}}},
          {"counters",
           {{"retried", info.retried},
            {"returned", info.returned},
            {"expired", info.expired},
            {"dropped", info.dropped},
            {"gave_up", info.gave_up},
            {"lost", info.lost},
            {"filtered", info.filtered},
            {"seeks", info.seeks}}},
          {"left_dead", info.left_dead},
          {"consumers", consumers}};
}

}  // namespace tow::cli
