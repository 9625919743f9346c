#pragma once
/// Time: deadlines in nanoseconds of CLOCK_MONOTONIC, stamps in ticks of the processor's counter.

#include <time.h>

#include <chrono>
#include <cstdint>

namespace tow::shm {

/// CLOCK_MONOTONIC in nanoseconds: one clock for all processes of the host.
inline std::uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

/// CLOCK_REALTIME in nanoseconds, for what people read.
inline std::uint64_t realtime_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

/// The processor's invariant counter, the cheapest stamp that all cores share (x86: TSC, Arm:
/// CNTVCT). Elsewhere nanoseconds. Convert with `TickRate`.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  std::uint64_t value;
  asm volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
  return monotonic_ns();
#endif
}

/// Nanoseconds of a tick, from two readings of both clocks that lie far enough apart.
class TickRate {
 public:
  /// Spins for 1 ms; a pair taken earlier (a bus keeps the pair of its creation) makes the rate
  /// more exact, if it agrees: it may be of another time namespace, whose clock is not ours.
  TickRate(std::uint64_t earlier_ticks, std::uint64_t earlier_ns);
  double to_ns(std::uint64_t tick_count) const {
    return static_cast<double>(tick_count) * ns_per_tick_;
  }

 private:
  double ns_per_tick_;
};

/// A point in time until which something may wait. `never()` waits for ever, `now()` does not wait.
class Deadline {
 public:
  static Deadline never() { return Deadline(UINT64_MAX); }
  static Deadline now() { return Deadline(0); }
  /// `timeout` from now; a negative one is now, one of more than 292 years is never.
  static Deadline after(std::chrono::nanoseconds timeout) {
    if (timeout.count() <= 0) return now();
    if (timeout == std::chrono::nanoseconds::max()) return never();
    return Deadline(monotonic_ns() + static_cast<std::uint64_t>(timeout.count()));
  }
  bool passed() const { return at_ns_ == 0 || (at_ns_ != UINT64_MAX && monotonic_ns() >= at_ns_); }
  bool is_now() const { return at_ns_ == 0; }
  /// The earlier of this and `ns` nanoseconds from now.
  Deadline within(std::uint64_t ns) const { return until(monotonic_ns() + ns); }
  /// The earlier of this and a time of CLOCK_MONOTONIC.
  Deadline until(std::uint64_t at_ns) const { return Deadline(at_ns < at_ns_ ? at_ns : at_ns_); }
  std::uint64_t at_ns() const { return at_ns_; }

 private:
  explicit Deadline(std::uint64_t at_ns) : at_ns_(at_ns) {}
  std::uint64_t at_ns_;
};

}  // namespace tow::shm
