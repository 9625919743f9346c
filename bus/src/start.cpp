#include "start.hpp"

#include <algorithm>

namespace tow {

std::uint64_t first_since(const std::shared_ptr<shm::Ring>& ring, std::chrono::nanoseconds ago) {
  const auto reader = shm::Reader::observe(ring, {shm::StartAt::Kind::next, 0});
  const shm::TickRate rate(ring->order().created_ticks, ring->order().created_monotonic_ns);
  const auto ago_ns = static_cast<double>(std::max<std::int64_t>(ago.count(), 0));
  std::uint64_t first = ring->tail() + 1;
  // At most a lap, whatever the topic says meanwhile.
  const std::uint64_t lap = first - std::min(first, ring->geometry().slot_count());
  const std::uint64_t oldest = std::max(ring->oldest(), lap);
  for (; first > oldest; --first) {
    const auto age = reader->age_ticks(first - 1);
    if (age && rate.to_ns(*age) > ago_ns) break;
  }
  return first;
}

shm::StartAt start_of(const std::shared_ptr<shm::Ring>& ring, Start start) {
  using From = Start::Kind;
  using To = shm::StartAt::Kind;
  switch (start.kind) {
    case From::oldest:
      return {To::oldest, 0};
    case From::last:
      return {To::last, start.value};
    case From::sequence:
      return {To::sequence, start.value};
    case From::time:
      return {To::sequence, first_since(ring, std::chrono::nanoseconds(start.value))};
    case From::next:
      break;
  }
  return {To::next, 0};
}

}  // namespace tow
