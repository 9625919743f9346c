// The filesystem that a bus lies on.

#include <errno.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <filesystem>

#include "doctor.hpp"
#include "output.hpp"

namespace tow::cli {
namespace {

/// The bus's directory, or the nearest one above it that exists.
std::string nearest_directory(const std::string& path) {
  std::error_code ignored;
  std::filesystem::path at = std::filesystem::absolute(path, ignored);
  while (!std::filesystem::is_directory(at, ignored) && at.has_relative_path()) {
    at = at.parent_path();
  }
  return at;
}

Finding examine_kind(const std::string& path, const struct statfs& status) {
  Finding finding{"filesystem", Verdict::ok, path + " is in memory (tmpfs)", ""};
  if (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC) return finding;
  finding.verdict = Verdict::warn;
  finding.text = path + " is not in memory: the kernel writes messages to a disk as well";
  finding.remedy = "put the bus under /dev/shm: unset TOWPATH_DIR, or set it to a directory there";
  return finding;
}

Finding examine_space(const std::string& path, const struct statfs& status) {
  constexpr double kFew = 16 << 20, kEnough = 256 << 20;
  const auto block = static_cast<double>(status.f_bsize);
  const double size = static_cast<double>(status.f_blocks) * block;
  const double free = static_cast<double>(status.f_bavail) * block;
  Finding finding{"space", Verdict::ok,
                  fmt::format("{} free of {} at {}", human_bytes(free), human_bytes(size), path),
                  ""};
  if (free >= kEnough) return finding;
  finding.verdict = free < kFew ? Verdict::fail : Verdict::warn;
  finding.remedy =
      "enlarge it (mount -o remount,size=8G /dev/shm; in a container --shm-size=8g), or see with "
      "tow ls which topic takes the room and remove it with tow rm";
  return finding;
}

/// A file without a name there, or -1: nobody sees it, and it goes when it is closed.
int open_unnamed(const std::string& path) {
  return open(path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

Finding examine_unnamed(const std::string& path, int fd, int error) {
  Finding finding{"O_TMPFILE", Verdict::ok, "files can be made without a name first", ""};
  if (fd >= 0) return finding;
  finding.verdict = Verdict::fail;
  const bool rights = error == EACCES || error == EROFS || error == EPERM;
  finding.text = rights ? "no right to make files in " + path
                        : "files cannot be made without a name in " + path;
  finding.remedy = rights ? "set TOWPATH_DIR to a directory of yours, or ask for rights on this one"
                          : "put the bus on tmpfs, ext4 or xfs, for example under /dev/shm";
  return finding;
}

Finding examine_locks(int fd) {
  Finding finding{"OFD locks", Verdict::ok, "the kernel drops the locks of the dead", ""};
  const int file = fd >= 0 ? fd : memfd_create("tow-doctor", MFD_CLOEXEC);
  struct flock first_byte {};
  first_byte.l_type = F_WRLCK;
  first_byte.l_len = 1;
  const bool locked = fcntl(file, F_OFD_SETLK, &first_byte) == 0;
  if (file != fd) close(file);
  if (locked) return finding;
  finding.verdict = Verdict::fail;
  finding.text = "open-file-description locks do not work here, so death cannot be proved";
  finding.remedy = "put the bus on a local filesystem (tmpfs, ext4, xfs) under Linux 3.15 or later";
  return finding;
}

}  // namespace

std::vector<Finding> examine_filesystem(const std::string& path) {
  const std::string directory = nearest_directory(path);
  struct statfs status {};
  if (statfs(directory.c_str(), &status) != 0) {
    return {{"filesystem", Verdict::fail, directory + " cannot be examined",
             "check TOWPATH_DIR and the rights of that directory"}};
  }
  const int fd = open_unnamed(directory);
  const int error = errno;
  std::vector<Finding> findings{examine_kind(directory, status), examine_space(directory, status),
                                examine_unnamed(directory, fd, error), examine_locks(fd)};
  if (fd >= 0) close(fd);
  return findings;
}

}  // namespace tow::cli
