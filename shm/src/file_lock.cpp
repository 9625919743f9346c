#include "towpath/shm/file_lock.hpp"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "lock_descriptors.hpp"

namespace tow::shm {

Result<FileLock> FileLock::take(const Directory& directory, const std::string& name,
                                Deadline deadline) {
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
  // Looks again every millisecond: the kernel's own wait has no deadline.
  while (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
      return make_error(Code::system, "lock " + path, errno);
    }
    if (deadline.passed()) {
      return make_error(Code::timed_out,
                        path +
                            " is locked by another process; try again, or end the one that is "
                            "stopped in the midst of a change");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) LockDescriptors::instance().close_one(fd_);
}

}  // namespace tow::shm
