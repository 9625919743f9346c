#include "footprint.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace tow::soak {
namespace {

namespace fs = std::filesystem;

std::uint32_t count_fds() {
  std::uint32_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code closed;  // as the one of this listing may be
    if (fs::read_symlink(entry.path(), closed) != "anon_inode:[pidfd]") ++count;
  }
  return count;
}

/// The filesystem of `path` as /proc/self/maps names it.
std::string device_of(const std::string& path) {
  struct stat status {};
  stat(path.c_str(), &status);
  char text[32];
  std::snprintf(text, sizeof text, "%02x:%02x", major(status.st_dev), minor(status.st_dev));
  return text;
}

/// Mappings of the bus's files beyond the first of each.
std::uint32_t count_mappings(const std::string& device) {
  std::ifstream maps("/proc/self/maps");
  std::uint32_t count = 0;
  std::set<std::string> files;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::string range, rights, offset, on, file;
    fields >> range >> rights >> offset >> on >> file;
    if (on == device && !files.insert(file).second) ++count;
  }
  return count;
}

}  // namespace

Footprint footprint(const std::string& bus) {
  return {count_fds(), count_mappings(device_of(bus))};
}

}  // namespace tow::soak
