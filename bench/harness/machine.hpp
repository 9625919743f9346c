#pragma once
/// What a figure depends on besides the code: cores, the processor's counter, kernel, compiler.

#include <cstdint>
#include <string>
#include <vector>

#include "towpath/shm/clock.hpp"

namespace towbench {

/// Recorded with every result, so that figures of two machines are never mixed up.
struct Machine {
  std::string cpu, kernel, compiler, commit;
  bool invariant_counter = false;  ///< one clock for all cores, at one rate
  std::vector<int> cores;          ///< those that this process may use
};
Machine look_at_machine();

/// Moves the calling process to one core, for good. Throws when the kernel refuses.
void pin_to(int core);

/// Time of sending: nothing of the send may start before it is read.
inline std::uint64_t send_ticks() {
#if defined(__x86_64__)
  asm volatile("lfence" ::: "memory");
  return __builtin_ia32_rdtsc();
#else
  return tow::shm::ticks();
#endif
}

/// Time of arrival: all of the receipt is over before it is read.
inline std::uint64_t arrival_ticks() {
#if defined(__x86_64__)
  unsigned processor;
  const std::uint64_t now = __builtin_ia32_rdtscp(&processor);
  asm volatile("lfence" ::: "memory");
  return now;
#else
  return tow::shm::ticks();
#endif
}

/// Nanoseconds of one tick, measured when first asked for.
double ns_per_tick();

/// Small and fast (xorshift64, Marsaglia); its seed is fixed so that runs are alike.
class Random {
 public:
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  std::uint64_t state_ = 0x9E37'79B9'7F4A'7C15;
};

/// A random wait of 0 to 1 us. Without it sender and receiver fall into step, and the line happens
/// to be where the next message needs it: such figures flatter.
class Dephase {
 public:
  Dephase() : ticks_per_us_(static_cast<std::uint64_t>(1000.0 / ns_per_tick())) {}
  void wait() {
    const std::uint64_t until = tow::shm::ticks() + random_.next() % (ticks_per_us_ + 1);
    while (tow::shm::ticks() < until) {
    }
  }

 private:
  std::uint64_t ticks_per_us_;
  Random random_;
};

}  // namespace towbench
