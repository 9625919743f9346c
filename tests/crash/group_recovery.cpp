#include "group_recovery.hpp"

#include "fault.hpp"

namespace tow::crash {
namespace {

using namespace std::chrono_literals;

/// Takes and acks until nothing is unsettled whose time has come.
std::set<std::uint64_t> drain(const Group<Bytes>& group, const GroupWant& want) {
  auto consumer = must(group.consumer({.prefetch = 8, .spin = 0ns}), "join the group");
  std::set<std::uint64_t> came;
  constexpr int kMost = 10'000;
  for (int look = 0; look < kMost && group.info().lag != want.later.size(); ++look) {
    auto delivery = consumer.take(1ms);
    require(!delivery.failed(),
            "take from the group: " + (delivery.failed() ? delivery.error().message() : ""));
    if (!delivery) continue;
    const std::uint64_t sequence = delivery.sequence();
    require(is_text_of(delivery.text(), sequence), "delivery " + number(sequence) + " is damaged");
    require(came.insert(sequence).second, "delivery " + number(sequence) + " came twice");
    require(delivery.redelivered() || !want.begun.contains(sequence),
            "delivery " + number(sequence) + " was begun before, and is not flagged");
    must(delivery.ack(), "ack");
  }
  const GroupInfo end = group.info();
  require(end.lag == want.later.size(),
          "the group does not come to its end: " + number(end.lag) + " unsettled from " +
              number(end.low) + " to " + number(end.last) + ", of which " + number(end.ready) +
              " ready, " + number(end.leased) + " leased, " + number(end.dead) + " dead");
  return came;
}

}  // namespace

void survey_group(const Topic<Bytes>& topic, std::uint64_t tail, const GroupWant& want) {
  const auto groups = topic.groups();
  require(want.may_be_gone || groups.size() == 1, "the group is gone");
  auto group = topic.group(kGroup);  // finishes what its maker or remover began
  if (!group && want.may_be_gone) return;
  require(group.has_value(), "open the group");
  must(group->resume(), "resume the group");
  const auto came = drain(*group, want);
  const bool is_new = want.may_be_gone && came.empty();
  for (std::uint64_t sequence = 1; sequence <= tail && !is_new; ++sequence) {
    if (want.maybe.contains(sequence)) continue;
    const bool due = !want.done.contains(sequence) && !want.later.contains(sequence);
    require(came.contains(sequence) == due || want.may_be_gone,
            "message " + number(sequence) + (due ? " is lost to the group" : " came again"));
  }
  for (const ConsumerInfo& consumer : group->info().consumers) {
    require(consumer.process.alive, "a dead consumer was not repaired");
  }
  require(group->info().low == tail + 1 || group->info().lag == want.later.size(),
          "the low mark is stuck");
  must(topic.remove_group(kGroup), "remove the group");
  require(topic.groups().empty(), "the removed group is still there");
}

}  // namespace tow::crash
