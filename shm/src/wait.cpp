#include "towpath/shm/wait.hpp"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>

namespace tow::shm {
namespace {

#ifndef SYS_futex_waitv
constexpr long kFutexWaitv = 449;  // the same number on every architecture
#else
constexpr long kFutexWaitv = SYS_futex_waitv;
#endif

/// As the kernel declares it since 5.16; Debian 12's headers have it, older ones do not.
struct FutexWaiter {
  std::uint64_t value;
  std::uint64_t address;
  std::uint32_t flags;
  std::uint32_t reserved;
};
constexpr std::uint32_t kFutex32 = 2;  // FUTEX_32, shared between processes

timespec to_timespec(std::uint64_t at_ns) {
  return {static_cast<time_t>(at_ns / 1'000'000'000U), static_cast<long>(at_ns % 1'000'000'000U)};
}

bool any_changed(std::span<const WaitWord> words) {
  for (const WaitWord& entry : words) {
    if (entry.word->load(kAcquire) != entry.seen) return true;  // [D2] as a woken sleeper reads
  }
  return false;
}

Wake poll_any(std::span<const WaitWord> words, Deadline deadline) {
  constexpr std::uint64_t kPollNs = 1'000'000;
  const Deadline piece = deadline.within(kWaitPieceNs);
  while (!piece.passed()) {
    if (any_changed(words)) return Wake::changed;
    const timespec nap = to_timespec(kPollNs);
    nanosleep(&nap, nullptr);
  }
  return Wake::timed_out;
}

}  // namespace

Wake futex_wait(const Atomic<std::uint32_t>& word, std::uint32_t seen, Deadline deadline) {
#ifdef TOWPATH_EXPLORE
  if (explore::futex_wait(&word, seen)) return Wake::changed;
#endif
  if (deadline.passed()) return Wake::timed_out;
  const timespec until = to_timespec(deadline.at_ns());
  const timespec* timeout = deadline.at_ns() == UINT64_MAX ? nullptr : &until;
  // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time, so a signal does not stretch the
  // wait.
  const long result =
      syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, seen, timeout, nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == -1 && errno == ETIMEDOUT ? Wake::timed_out : Wake::changed;
}

int futex_wake_all(Atomic<std::uint32_t>& word) {
  return static_cast<int>(syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0));
}

Wake futex_wait_any(std::span<const WaitWord> words, Deadline deadline) {
  if (deadline.passed()) return Wake::timed_out;
  std::array<FutexWaiter, kMaxWaitWords> waiters;
  std::size_t count = 0;
  for (const WaitWord& entry : words.first(std::min(words.size(), kMaxWaitWords))) {
    waiters[count++] = {entry.seen, reinterpret_cast<std::uint64_t>(entry.word), kFutex32, 0};
  }
  const timespec until = to_timespec(deadline.at_ns());
  const timespec* timeout = deadline.at_ns() == UINT64_MAX ? nullptr : &until;
  const long result = syscall(kFutexWaitv, waiters.data(), count, 0, timeout, CLOCK_MONOTONIC);
  if (result >= 0) return Wake::changed;
  if (errno == ETIMEDOUT) return Wake::timed_out;
  if (errno == ENOSYS || errno == EPERM) return poll_any(words, deadline);
  return Wake::changed;  // EAGAIN: a word differs already; EINTR: look again
}

bool register_for_barriers() {
#ifdef TOWPATH_EXPLORE
  return explore::has_barriers();
#endif
  static const bool registered =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
  return registered;
}

bool barrier_everywhere([[maybe_unused]] Site site) {
#ifdef TOWPATH_EXPLORE
  explore::barrier_everywhere(site);
  return true;
#endif
  return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

}  // namespace tow::shm
