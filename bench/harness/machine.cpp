#include "machine.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>

namespace towbench {
namespace {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string kernel_name() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "unknown";
}

std::string compiler_name() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

bool has_invariant_counter() {
#if defined(__x86_64__)
  constexpr unsigned kPowerLeaf = 0x8000'0007, kInvariantTsc = 1U << 8;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(kPowerLeaf, &a, &b, &c, &d) != 0 && (d & kInvariantTsc) != 0;
#else
  return true;  // Arm's generic timer is, by architecture
#endif
}

/// The commit of the tree that this program lies in.
std::string commit_name() {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const std::string command =
      fmt::format("git -C '{}' describe --always --dirty --abbrev=12 2>/dev/null",
                  program.parent_path().string());
  const std::unique_ptr<FILE, int (*)(FILE*)> git(popen(command.c_str(), "r"), pclose);
  char line[128];
  if (!git || fgets(line, sizeof line, git.get()) == nullptr) return "unknown";
  std::string commit = line;
  commit.erase(commit.find_last_not_of(" \n") + 1);
  return commit;
}

std::vector<int> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &set)) cores.push_back(core);
  }
  return cores;
}

}  // namespace

Machine look_at_machine() {
  return {cpu_name(),    kernel_name(),           compiler_name(),
          commit_name(), has_invariant_counter(), usable_cores()};
}

void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    throw std::system_error(errno, std::generic_category(),
                            fmt::format("pinning to core {}", core));
  }
}

double ns_per_tick() {
  static const double rate =
      tow::shm::TickRate(tow::shm::ticks(), tow::shm::monotonic_ns()).to_ns(1'000'000) / 1e6;
  return rate;
}

}  // namespace towbench
