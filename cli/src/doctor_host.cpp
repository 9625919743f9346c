// Processor, clocks, and what systemd does when a user logs out.

#include <fmt/core.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "doctor.hpp"

namespace tow::cli {
namespace {

namespace fs = std::filesystem;

/// Reads RemoveIPC from a file of logind's; the last one counts.
void read_remove_ipc(const std::string& path, std::string& value, std::string& found_in) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    line.erase(std::remove_if(line.begin(), line.end(), ::isspace), line.end());
    constexpr std::string_view kKey = "RemoveIPC=";
    if (!line.starts_with(kKey)) continue;
    value = line.substr(kKey.size());
    std::transform(value.begin(), value.end(), value.begin(), ::tolower);
    found_in = path;
  }
}

/// As logind reads them: the main file, then drop-ins by name; of equal names the first folder's.
std::vector<std::string> logind_files() {
  std::map<std::string, std::string> drop_ins;
  std::error_code ignored;
  for (const char* const top : {"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"}) {
    const std::string folder = std::string(top) + "/systemd/logind.conf.d";
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.path().extension() == ".conf") {
        drop_ins.emplace(entry.path().filename(), entry.path());
      }
    }
  }
  std::vector<std::string> files{"/etc/systemd/logind.conf"};
  for (const auto& [name, path] : drop_ins) files.push_back(path);
  return files;
}

Finding examine_remove_ipc() {
  std::string value = "yes", found_in = "the default";
  for (const std::string& path : logind_files()) read_remove_ipc(path, value, found_in);
  Finding finding{"RemoveIPC", Verdict::ok, "", ""};
  constexpr uid_t kFirstUser = 1000;
  const bool off = value == "no" || value == "false" || value == "off" || value == "0" ||
                   value == "n" || value == "f";
  if (!fs::exists("/run/systemd/system")) {
    finding.text = "systemd does not run here, so no log-out removes shared memory";
  } else if (off) {
    finding.text = "shared memory outlives a log-out (" + found_in + ")";
  } else if (geteuid() < kFirstUser) {
    finding.text = "shared memory of system users outlives a log-out";
  } else {
    finding.verdict = Verdict::warn;
    finding.text = "systemd deletes this user's files in /dev/shm at the last log-out (" +
                   found_in + "), running or not";
    finding.remedy =
        "RemoveIPC=no in /etc/systemd/logind.conf.d/towpath.conf and restart systemd-logind; or "
        "run "
        "services as a system user; or loginctl enable-linger";
  }
  return finding;
}

Finding examine_clock() {
  const std::string name =
      first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  Finding finding{"clock", Verdict::ok, "clock source " + name, ""};
  if (name.empty()) finding.text = "the clock source cannot be read";
  if (name != "hpet" && name != "acpi_pm" && name != "jiffies" && name != "refined-jiffies" &&
      name != "pit") {
    return finding;
  }
  finding.verdict = Verdict::warn;
  finding.text += ": slow to read, so every deadline costs a microsecond";
  finding.remedy =
      "find in dmesg why the kernel gave tsc up; in a virtual machine expose an "
      "invariant TSC, or use kvm-clock";
  return finding;
}

Finding examine_counter() {
  Finding finding{"cycle counter", Verdict::ok, "runs evenly, so latencies are right", ""};
#if defined(__x86_64__)
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("flags")) continue;
    line += ' ';
    if (line.find(" constant_tsc ") != std::string::npos &&
        line.find(" nonstop_tsc ") != std::string::npos) {
      return finding;
    }
    break;
  }
  finding.verdict = Verdict::warn;
  finding.text = "no invariant TSC: latencies that tow info shows may be wrong";
  finding.remedy = "in a virtual machine, pass the flag invtsc (constant_tsc, nonstop_tsc) through";
#endif
  return finding;
}

Finding examine_governor() {
  const std::string name = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  Finding finding{"frequency", Verdict::ok, "governor " + name, ""};
  if (name.empty()) {
    finding.text = "no governor to be seen (usual in a virtual machine)";
  } else if (name != "performance") {
    finding.verdict = Verdict::warn;
    finding.text += ": waking up takes longer, and figures vary";
    finding.remedy = "for steady latencies: cpupower frequency-set -g performance";
  }
  return finding;
}

Finding examine_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  const bool known = sched_getaffinity(0, sizeof mask, &mask) == 0;
  const long usable = known ? CPU_COUNT(&mask) : online;
  Finding finding{"cores", Verdict::ok, fmt::format("{} of {} usable here", usable, online), ""};
  if (usable > 1) return finding;
  finding.verdict = Verdict::warn;
  finding.text += ": a publisher and a subscriber take turns";
  finding.remedy =
      "give the processes two cores or more, and spin = 0 to subscribers that share one";
  return finding;
}

}  // namespace

std::vector<Finding> examine_host() {
  return {examine_remove_ipc(), examine_clock(), examine_counter(), examine_governor(),
          examine_cores()};
}

}  // namespace tow::cli
