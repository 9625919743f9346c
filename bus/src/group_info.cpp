// What `tow group` and programs may know of a group. Everything is only read.

#include "dead_letters.hpp"
#include "describe.hpp"
#include "names.hpp"
#include "towpath/group.hpp"

namespace tow {
namespace {

using shm::kRelaxed;
using shm::WordState;
using std::chrono::nanoseconds;

GroupOptions options_of(const shm::GroupOptionsLayout& raw) {
  GroupOptions options;
  options.mode = static_cast<GroupMode>(raw.mode);
  options.max_attempts = raw.max_attempts;
  options.lease = nanoseconds(raw.lease_ns);
  options.backoff = nanoseconds(raw.backoff_ns);
  options.max_backoff = nanoseconds(raw.max_backoff_ns);
  options.time_to_live = nanoseconds(raw.time_to_live_ns);
  options.max_length = raw.max_length;
  options.overflow = static_cast<Overflow>(raw.overflow);
  options.by_priority = (raw.flags & shm::kGroupByPriority) != 0;
  options.drop_when_dead_letters_full = (raw.flags & shm::kGroupDropWhenDeadLettersFull) != 0;
  options.key_pattern = raw.key_pattern.data();
  options.dead_letter = raw.dead_letter.data();
  options.tag = raw.tag_text.data();
  return options;
}

void count_consumers(const shm::Group& group, GroupInfo& info) {
  for (std::uint32_t i = 0; i < shm::kMaxConsumers; ++i) {
    const shm::ConsumerLayout& entry = group.layout().consumers[i];
    // relaxed, all of these: for people
    const std::uint64_t owner = entry.owner.load(kRelaxed);
    if (owner == 0) continue;
    info.consumers.push_back({.number = i,
                              .process = describe(group.ring().participants(), owner),
                              .taken = entry.taken.load(kRelaxed),
                              .acked = entry.acked.load(kRelaxed)});
  }
}

void count_words(const shm::Group& group, shm::GroupPosition at, GroupInfo& info) {
  std::uint64_t* const counts[] = {&info.ready,   &info.leased, &info.started, nullptr,
                                   &info.delayed, &info.dead,   &info.settling};
  const std::uint64_t end = std::min(info.last + 1, at.low + group.slot_count());
  for (std::uint64_t sequence = at.low; sequence < end; ++sequence) {
    const shm::GroupWord word = group.look(sequence, at.epoch).means;
    const auto state = static_cast<std::size_t>(word.state);
    if (state >= std::size(counts) || counts[state] == nullptr) continue;
    if (info.lag++ == 0) info.low = sequence;
    ++*counts[state];
    for (ConsumerInfo& consumer : info.consumers) {
      if (shm::Lessee::unpack(word.who).index != consumer.number) continue;
      if (word.state == WordState::leased) ++consumer.leased;
      if (word.state == WordState::started) ++consumer.started;
    }
  }
}

/// As of the first stamp at or behind the oldest unsettled message: it is at least that old.
nanoseconds age_of(const shm::Group& group, const GroupInfo& info) {
  const auto reader = shm::Reader::observe(group.shared_ring(), {shm::StartAt::Kind::next, 0});
  const shm::OrderLayout& order = group.ring().order();
  const std::uint64_t end = std::min(info.last + 1, info.low + group.slot_count());
  for (std::uint64_t sequence = info.low; info.lag != 0 && sequence < end; ++sequence) {
    if (const auto age = reader->age_ticks(sequence)) {
      const shm::TickRate rate(order.created_ticks, order.created_monotonic_ns);
      return nanoseconds(static_cast<std::int64_t>(rate.to_ns(*age)));
    }
  }
  return nanoseconds(0);
}

}  // namespace

GroupInfo GroupBase::info() const {
  const shm::Group& group = *group_;
  const shm::GroupLayout& layout = group.layout();
  GroupInfo info;
  info.name = name();
  info.options = options_of(group.options());
  info.paused = group.paused();
  const shm::GroupPosition at = group.position();
  info.low = at.low;
  info.last = group.ring().tail();
  count_consumers(group, info);
  count_words(group, at, info);
  info.oldest_age = age_of(group, info);
  // relaxed, all of these: for people
  info.retried = layout.retried.load(kRelaxed);
  info.returned = layout.returned.load(kRelaxed);
  info.expired = layout.expired.load(kRelaxed);
  info.dropped = layout.dropped.load(kRelaxed);
  info.gave_up = layout.dead.load(kRelaxed);
  info.lost = layout.lost.load(kRelaxed);
  info.filtered = layout.filtered.load(kRelaxed);
  info.seeks = layout.seeks.load(kRelaxed);
  const std::uint64_t left = layout.left_dead.load(kRelaxed);
  if (info.dead != 0 && left != 0) {
    info.left_dead = why_left(info.options.dead_letter, shm::LeftDead::unpack(left));
  }
  return info;
}

}  // namespace tow
