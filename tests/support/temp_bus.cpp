#include "tests/support/temp_bus.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace tow::test {

TempDir::TempDir(std::uint32_t mode) : path_("/dev/shm/towpath-test-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make " + path_);
  chmod(path_.c_str(), mode);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> tree_of(const std::string& path) {
  std::vector<std::string> tree;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    tree.push_back(std::filesystem::relative(entry.path(), path).string());
  }
  std::sort(tree.begin(), tree.end());
  return tree;
}

std::uint64_t free_bytes(const std::string& path) {
  struct statvfs status {};
  if (statvfs(path.c_str(), &status) != 0) return 0;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

void overwrite(const std::string& path, std::uint64_t offset, const void* bytes,
               std::size_t count) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const auto written = pwrite(fd, bytes, count, static_cast<off_t>(offset));
  close(fd);
  if (written != static_cast<ssize_t>(count)) throw std::runtime_error("cannot write to " + path);
}

}  // namespace tow::test
