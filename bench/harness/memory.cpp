#include "memory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

#include "stage.hpp"

namespace towbench {
namespace {

void add_with_descendants(int process, std::vector<int>& all) {
  all.push_back(process);
  std::error_code ended;
  const std::filesystem::path tasks = fmt::format("/proc/{}/task", process);
  for (const auto& task : std::filesystem::directory_iterator(tasks, ended)) {
    std::ifstream children(task.path() / "children");
    for (int child; children >> child;) add_with_descendants(child, all);
  }
}

std::vector<int> with_descendants(std::span<const int> processes) {
  std::vector<int> all;
  for (const int process : processes) add_with_descendants(process, all);
  return all;
}

/// The figure of a line "name: figure kB".
double kib_of(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ':')) return std::stod(line.substr(name.size() + 1));
  }
  throw Failure(fmt::format("{} does not say {}", path, name));
}

}  // namespace

std::uint64_t allocated_bytes(const std::string& directory, std::string_view prefix) {
  namespace fs = std::filesystem;
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.path().lexically_relative(directory).string().starts_with(prefix)) continue;
    struct stat status {};
    constexpr std::uint64_t kBlockBytes = 512;
    if (stat(entry.path().c_str(), &status) != 0) throw Failure("cannot look at " + directory);
    bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
  }
  return bytes;
}

double proportional_kib(int process) {
  return kib_of(fmt::format("/proc/{}/smaps_rollup", process), "Pss");
}

double anonymous_kib() { return kib_of("/proc/self/status", "RssAnon"); }

double memory_mib(std::span<const int> processes) {
  double kib = 0;
  for (const int process : with_descendants(processes)) {
    kib += proportional_kib(process);
  }
  return kib / 1024;
}

double shared_files_kib(std::span<const int> processes) {
  std::set<std::string> files;
  for (const int process : with_descendants(processes)) {
    std::ifstream maps(fmt::format("/proc/{}/maps", process));
    for (std::string line; std::getline(maps, line);) {
      const std::size_t at = line.find("/dev/shm/");
      if (at != std::string::npos) files.insert(line.substr(at));
    }
  }
  double kib = 0;
  for (const std::string& file : files) {
    struct stat status {};
    constexpr double kBlocksOfKib = 2;
    if (stat(file.c_str(), &status) == 0) {
      kib += static_cast<double>(status.st_blocks) / kBlocksOfKib;
    }
  }
  return kib;
}

}  // namespace towbench
