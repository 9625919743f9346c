#pragma once
/// A lock that the kernel drops when its holder dies.

#include <string>
#include <utility>

#include "towpath/shm/clock.hpp"
#include "towpath/shm/segment.hpp"

namespace tow::shm {

/// A write lock of a whole file, for short changes that one at a time may make. Excludes other
/// threads as well as other processes; a forked child has no part in it. Movable.
///
/// Dies anywhere: the kernel drops the lock, and the next who waits has it.
class FileLock {
 public:
  /// Locks `name`, which must be a file that this process may write, waiting for others until
  /// `deadline`. Errors: not_found, no_permission, timed_out, system.
  static Result<FileLock> take(const Directory& directory, const std::string& name,
                               Deadline deadline);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace tow::shm
