#include "memory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "stage.hpp"

namespace towbench {

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
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", process));
  std::string word;
  double kib = 0;
  while (file >> word) {
    if (word == "Pss:" && file >> kib) return kib;
  }
  throw Failure("cannot read the memory of a process");
}

}  // namespace towbench
