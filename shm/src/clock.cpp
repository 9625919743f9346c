#include "towpath/shm/clock.hpp"

#include <cmath>

#include "towpath/shm/atomic.hpp"

namespace tow::shm {
namespace {

struct Reading {
  std::uint64_t ticks, ns;
};

/// Both clocks at one moment: the closest of a few tries, should somebody interrupt.
Reading read_both() {
  constexpr int kTries = 5;
  Reading closest{};
  std::uint64_t shortest = UINT64_MAX;
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t before = ticks();
    const std::uint64_t ns = monotonic_ns();
    const std::uint64_t took = ticks() - before;
    if (took >= shortest) continue;
    shortest = took;
    closest = {before + took / 2, ns};
  }
  return closest;
}

double rate(const Reading& from, const Reading& to) {
  return static_cast<double>(to.ns - from.ns) / static_cast<double>(to.ticks - from.ticks);
}

}  // namespace

TickRate::TickRate(std::uint64_t earlier_ticks, std::uint64_t earlier_ns) {
  constexpr std::uint64_t kShortestNs = 1'000'000;
  constexpr double kMayDiffer = 0.01;
  const Reading first = read_both();
  while (monotonic_ns() < first.ns + kShortestNs) pause();
  const Reading last = read_both();
  ns_per_tick_ = last.ticks > first.ticks ? rate(first, last) : 1.0;
  // A longer time is more exact, unless the pair is of another boot or time namespace, or damaged.
  if (earlier_ns >= first.ns || earlier_ticks >= first.ticks) return;
  const double longer = rate({earlier_ticks, earlier_ns}, last);
  if (std::abs(longer / ns_per_tick_ - 1) < kMayDiffer) ns_per_tick_ = longer;
}

}  // namespace tow::shm
