#include "towpath/shm/clock.hpp"

#include "towpath/shm/atomic.hpp"

namespace tow::shm {

TickRate::TickRate(std::uint64_t earlier_ticks, std::uint64_t earlier_ns) {
  constexpr std::uint64_t kShortestNs = 10'000'000;
  std::uint64_t now_ns = monotonic_ns();
  if (earlier_ticks == 0 || earlier_ns > now_ns) {  // no pair, or one of an earlier boot
    earlier_ns = now_ns;
    earlier_ticks = ticks();
  }
  while ((now_ns = monotonic_ns()) < earlier_ns + kShortestNs) pause();
  const std::uint64_t passed = ticks() - earlier_ticks;
  ns_per_tick_ =
      passed == 0 ? 1.0 : static_cast<double>(now_ns - earlier_ns) / static_cast<double>(passed);
}

}  // namespace tow::shm
