#pragma once
/// The descriptors that lock this process's bytes, and what a fork does to them.

#include <mutex>
#include <vector>

namespace tow::shm {

/// Lock descriptors of this process. A forked child closes them: an inherited copy would keep the
/// parent's byte locked after the parent's death, and an unlock would free it while it lives.
/// Thread-safe.
class LockDescriptors {
 public:
  static LockDescriptors& instance();
  void add(int fd);
  void close_one(int fd);

 private:
  LockDescriptors();
  void in_child();
  std::mutex mutex_;
  std::vector<int> fds_;
};

/// Moves a descriptor out of the way of close_range(3, small) and of descriptor tables that
/// programs copy around; it stays where it is when the limit is low.
int move_high(int fd);

}  // namespace tow::shm
