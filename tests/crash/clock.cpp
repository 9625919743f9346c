#include "clock.hpp"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace {

/// The operations wait for 15 ms, which is a few pieces of sleep.
constexpr long kLookNs = 2'000'000, kSecondNs = 1'000'000'000;
timespec looked_at{};  ///< what the last look showed; zero while the kernel's clock counts

}  // namespace

/// The clock of this executable, libraries included.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (clock != CLOCK_MONOTONIC || looked_at.tv_sec == 0) {
    return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  }
  looked_at.tv_nsec += kLookNs;
  if (looked_at.tv_nsec >= kSecondNs) {
    looked_at.tv_nsec -= kSecondNs;
    ++looked_at.tv_sec;
  }
  *time = looked_at;
  return 0;
}

namespace tow::crash {

void let_time_pass_by_looks() { clock_gettime(CLOCK_MONOTONIC, &looked_at); }

}  // namespace tow::crash
