#include "lock_descriptors.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace tow::shm {

LockDescriptors& LockDescriptors::instance() {
  static auto* const descriptors = new LockDescriptors;  // leaked: exit handlers may still fork
  return *descriptors;
}

void LockDescriptors::add(int fd) {
  const std::lock_guard lock(mutex_);
  fds_.push_back(fd);
}

void LockDescriptors::close_one(int fd) {
  const std::lock_guard lock(mutex_);
  std::erase(fds_, fd);
  close(fd);
}

LockDescriptors::LockDescriptors() {
  pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                 [] { instance().in_child(); });
}

void LockDescriptors::in_child() {
  for (const int fd : fds_) close(fd);
  fds_.clear();
  mutex_.unlock();
}

int move_high(int fd) {
  struct rlimit limit {};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto top = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 65536));
  const int high = fcntl(fd, F_DUPFD_CLOEXEC, std::max(fd, top - 256));
  if (high < 0) return fd;
  close(fd);
  return high;
}

}  // namespace tow::shm
