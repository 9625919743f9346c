#include "describe.hpp"

#include <algorithm>

#include "describe_group.hpp"

namespace tow::cli {
namespace {

Json process_json(const ProcessInfo& process) {
  return {{"pid", process.pid},
          {"uid", process.uid},
          {"command", process.command},
          {"alive", process.alive},
          {"joined_ns", process.joined_ns}};
}

Json publisher_json(const PublisherInfo& publisher) {
  return {{"lane", publisher.lane},
          {"process", process_json(publisher.process)},
          {"published", publisher.published},
          {"adoptions", publisher.adoptions}};
}

Json subscriber_json(const SubscriberInfo& subscriber) {
  return {{"number", subscriber.number},
          {"process", process_json(subscriber.process)},
          {"kind", to_word(subscriber.kind)},
          {"cursor", subscriber.cursor},
          {"lag", subscriber.lag},
          {"max_lag", subscriber.max_lag},
          {"received", subscriber.received},
          {"gaps", subscriber.gaps},
          {"lost", subscriber.lost},
          {"held", subscriber.held},
          {"evicted", subscriber.evicted},
          {"latency_samples", subscriber.latency_samples},
          {"p50_ns", subscriber.p50_ns},
          {"p99_ns", subscriber.p99_ns},
          {"p999_ns", subscriber.p999_ns}};
}

Json options_of(const TopicInfo& info) {
  return {{"publishers", to_word(info.publishers_kind)},
          {"depth", info.asked_depth},
          {"slot_count", info.slot_count},
          {"lane_slot_count", info.lane_slot_count},
          {"slot_bytes", info.slot_bytes},
          {"max_message_bytes", info.max_message_bytes},
          {"pool_bytes", info.pool_bytes},
          {"max_publishers", info.max_publishers},
          {"max_subscribers", info.max_subscribers},
          {"stamps", to_word(info.stamps)},
          {"huge_pages", info.huge_pages},
          {"type_name", info.type_name},
          {"type_bytes", info.type_bytes}};
}

}  // namespace

std::string to_word(Publishers kind) { return kind == Publishers::one ? "one" : "many"; }

std::string to_word(Stamps stamps) {
  switch (stamps) {
    case Stamps::all:
      return "all";
    case Stamps::none:
      return "none";
    default:
      return "sampled";
  }
}

std::string to_word(SubscriberKind kind) {
  return kind == SubscriberKind::required ? "required" : "lossy";
}

std::uint64_t largest_lag(const TopicInfo& info) {
  std::uint64_t lag = 0;
  for (const SubscriberInfo& subscriber : info.subscribers) {
    const bool counts = subscriber.kind == SubscriberKind::required && subscriber.process.alive;
    if (counts && !subscriber.evicted) lag = std::max(lag, subscriber.lag);
  }
  return lag;
}

std::uint64_t living_publishers(const TopicInfo& info) {
  const auto alive = [](const PublisherInfo& publisher) { return publisher.process.alive; };
  return static_cast<std::uint64_t>(
      std::count_if(info.publishers.begin(), info.publishers.end(), alive));
}

std::uint64_t living_subscribers(const TopicInfo& info) {
  const auto alive = [](const SubscriberInfo& subscriber) { return subscriber.process.alive; };
  return static_cast<std::uint64_t>(
      std::count_if(info.subscribers.begin(), info.subscribers.end(), alive));
}

Json to_json(const TopicInfo& info) {
  Json publishers = Json::array(), subscribers = Json::array();
  for (const PublisherInfo& publisher : info.publishers)
    publishers.push_back(publisher_json(publisher));
  for (const SubscriberInfo& reader : info.subscribers)
    subscribers.push_back(subscriber_json(reader));
  Json groups = Json::array();
  for (const GroupInfo& group : info.groups) groups.push_back(to_json(group));
  return {{"topic", info.name},
          {"removed", info.removed},
          {"oldest_sequence", info.oldest},
          {"last_sequence", info.last},
          {"lag", largest_lag(info)},
          {"dropped", info.dropped},
          {"file_bytes", info.file_bytes},
          {"options", options_of(info)},
          {"publishers", publishers},
          {"subscribers", subscribers},
          {"groups", groups}};
}

}  // namespace tow::cli
