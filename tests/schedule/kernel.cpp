// The kernel's part, in place of libc's functions: locks order what comes before and behind them,
// their answers are part of what an actor saw, and time passes only by being asked for.

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdarg>

#include "hooks.hpp"

namespace tow::schedule {
namespace {

long real_fcntl(int fd, int command, void* argument) {
  return syscall(SYS_fcntl, fd, command, argument);
}

/// Proof of death, or of a byte that is ours, comes with all that its last owner did; that somebody
/// lives comes with nothing.
int lock_call(int fd, int command, struct flock* lock) {
  Hooks::before_kernel();
  const auto byte = static_cast<std::size_t>(lock->l_start);
  const bool unlocks = command == F_OFD_SETLK && lock->l_type == F_UNLCK;
  if (unlocks) Hooks::unlocked(byte);
  const int result = static_cast<int>(real_fcntl(fd, command, lock));
  const bool is_free = result == 0 && (command == F_OFD_SETLK || lock->l_type == F_UNLCK);
  if (is_free && !unlocks) Hooks::found_free(byte);
  Hooks::after_kernel(is_free ? 1 : 0);
  return result;
}

}  // namespace
}  // namespace tow::schedule

extern "C" int fcntl(int fd, int command, ...) {
  using namespace tow::schedule;
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  const bool locks = command == F_OFD_GETLK || command == F_OFD_SETLK;
  if (locks && Hooks::active() && !Hooks::ghost()) {
    return lock_call(fd, command, static_cast<struct flock*>(argument));
  }
  return static_cast<int>(real_fcntl(fd, command, argument));
}

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using namespace tow::schedule;
  if (!Hooks::active()) return static_cast<int>(syscall(SYS_clock_gettime, clock, time));

  *time = {static_cast<time_t>(1000 + Hooks::steps()), 0};
  return 0;
}
