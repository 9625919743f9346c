#include "source_lines.hpp"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <regex>
#include <stdexcept>

namespace tow::crash {
namespace {

/// Where this program's file lies in memory.
struct Extent {
  std::uint64_t base = 0, end = 0;
};

Extent program() {
  static const Extent extent = [] {
    Extent found;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* into) {
          Extent& program = *static_cast<Extent*>(into);
          program.base = info->dlpi_addr;
          for (int i = 0; i < info->dlpi_phnum; ++i) {
            const auto& part = info->dlpi_phdr[i];
            if (part.p_type != PT_LOAD) continue;
            program.end = std::max(program.end, program.base + part.p_vaddr + part.p_memsz);
          }
          return 1;  // the first is the program
        },
        &found);
    return found;
  }();
  return extent;
}

std::string self() {
  std::array<char, 4096> path{};
  if (readlink("/proc/self/exe", path.data(), path.size() - 1) < 0) {
    throw std::runtime_error("this program's file cannot be found");
  }
  return path.data();
}

std::string run(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::string output;
  std::array<char, 4096> piece;
  while (const std::size_t bytes = fread(piece.data(), 1, piece.size(), pipe.get())) {
    output.append(piece.data(), bytes);
  }
  return output;
}

}  // namespace

std::uint64_t offset_of(std::uint64_t address) { return address - program().base; }

bool is_own_code(std::uint64_t address) {
  return address >= program().base && address < program().end;
}

std::string source_line(std::uint64_t address) {
  std::array<char, 32> offset;
  snprintf(offset.data(), offset.size(), "0x%llx",
           static_cast<unsigned long long>(offset_of(address)));
  std::string text = run("addr2line -s -f -p -C -e " + self() + ' ' + offset.data());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::map<std::string, std::set<int>> lines_of(const std::set<std::uint64_t>& offsets) {
  std::string list = "/tmp/towpath-offsets-XXXXXX";
  const int fd = mkstemp(list.data());
  if (fd < 0) throw std::runtime_error("cannot write " + list);
  close(fd);
  {
    std::ofstream file(list);
    for (const std::uint64_t offset : offsets) file << std::hex << "0x" << offset << '\n';
  }
  const std::string output = run("addr2line -i -e " + self() + " @" + list);
  unlink(list.c_str());
  std::map<std::string, std::set<int>> lines;
  // Whatever the directory was that it was compiled in: a compiler cache may have seen another.
  static const std::regex product(R"(.*/((?:shm|bus|daemon)/(?:src|include)/.*):(\d+).*)");
  std::size_t at = 0;
  while (at < output.size()) {
    const std::size_t end = output.find('\n', at);
    const std::string line = output.substr(at, end - at);
    at = end == std::string::npos ? output.size() : end + 1;
    std::smatch match;
    if (std::regex_match(line, match, product)) lines[match[1]].insert(std::stoi(match[2]));
  }
  return lines;
}

}  // namespace tow::crash
