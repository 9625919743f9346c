#pragma once
/// A lock that the kernel drops when its holder dies.

#include <chrono>
#include <string>
#include <utility>

#include "towpath/shm/segment.hpp"

namespace tow::shm {

/// A write lock of a whole file, for short changes that one at a time may make. Excludes other
/// threads as well as other processes; a forked child has no part in it. Movable.
///
/// Dies anywhere: the kernel drops the lock, and the next who waits has it.
class FileLock {
 public:
  /// Locks `name`, which must be a file that this process may write. Waits while it changes hands,
  /// however often, until somebody has kept it for `patience` (0 = does not wait for anybody).
  /// Errors: not_found, no_permission, timed_out, system.
  static Result<FileLock> take(const Directory& directory, const std::string& name,
                               std::chrono::nanoseconds patience);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace tow::shm
