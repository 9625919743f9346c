#include "towpath/shm/file_lock.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "lock_descriptors.hpp"
#include "towpath/shm/clock.hpp"

namespace tow::shm {
namespace {

/// When the lock was last taken, as its takers write down; only whether it differs counts.
timespec last_taken(int fd) {
  struct stat status {};
  fstat(fd, &status);
  return status.st_mtim;
}

bool differ(const timespec& one, const timespec& other) {
  return one.tv_sec != other.tv_sec || one.tv_nsec != other.tv_nsec;
}

}  // namespace

Result<FileLock> FileLock::take(const Directory& directory, const std::string& name,
                                std::chrono::nanoseconds patience) {
  const std::string path = directory.path_of(name);
  // Whatever lies there instead of a file shall neither be followed nor hold us up. For writing
  // alone: then the file's rights can keep out those who may only read, and could lock as readers.
  const int fd =
      openat(directory.fd(), name.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    const Code code = errno == ENOENT                                       ? Code::not_found
                      : errno == EACCES || errno == EPERM || errno == EROFS ? Code::no_permission
                                                                            : Code::system;
    return make_error(code, "lock " + path + ": ask its owner for the right to write it", errno);
  }
  LockDescriptors::instance().add(fd);
  FileLock lock(fd);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  timespec taken = last_taken(fd);
  auto deadline = Deadline::after(patience);
  // Looks again every millisecond: the kernel's own wait has no deadline.
  while (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
      return make_error(Code::system, "lock " + path, errno);
    }
    // Others were faster: we wait, but none of them is stuck.
    if (const timespec now = last_taken(fd); differ(now, taken)) {
      taken = now;
      deadline = Deadline::after(patience);
    }
    if (deadline.passed()) {
      return make_error(Code::timed_out,
                        path +
                            " is locked by another process; try again, or end the one that is "
                            "stopped in the midst of a change");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  (void)futimens(fd, nullptr);  // dies before: who waits takes us for the holder before us
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) LockDescriptors::instance().close_one(fd_);
}

}  // namespace tow::shm
