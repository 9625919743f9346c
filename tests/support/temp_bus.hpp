#pragma once
/// Places for tests to make buses and files in, gone at the end.

#include <cstdint>
#include <string>
#include <vector>

#include "towpath/shm/segment.hpp"
#include "towpath/towpath.hpp"

namespace tow::test {

/// A new directory under /dev/shm, removed with all that is in it.
class TempDir {
 public:
  explicit TempDir(std::uint32_t mode = 0700);
  ~TempDir();
  TempDir(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  shm::Directory open() const { return shm::Directory::open(path_).value(); }

 private:
  std::string path_;
};

/// The name of a bus that nobody else uses. Each process opens it for itself.
class TempBus {
 public:
  explicit TempBus(std::uint32_t directory_mode = 0700) : directory_(directory_mode) {}
  std::string name() const { return directory_.path() + "/bus"; }
  std::string topic_path(const std::string& topic) const { return name() + "/topics/" + topic; }
  Bus open(const BusOptions& options = {}) const { return Bus::open(name(), options).value(); }

 private:
  TempDir directory_;
};

/// Paths of all files and directories below `path`, relative to it, sorted.
std::vector<std::string> tree_of(const std::string& path);
/// Bytes that the filesystem of `path` has left.
std::uint64_t free_bytes(const std::string& path);
/// Overwrites bytes of a file in place.
void overwrite(const std::string& path, std::uint64_t offset, const void* bytes, std::size_t count);
template <class T>
void overwrite(const std::string& path, std::uint64_t offset, const T& value) {
  overwrite(path, offset, &value, sizeof value);
}

}  // namespace tow::test
