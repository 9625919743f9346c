// What the kernel can do, and the limits it sets.

#include <errno.h>
#include <fmt/core.h>
#include <linux/membarrier.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "doctor.hpp"
#include "output.hpp"

namespace tow::cli {
namespace {

Finding examine_release() {
  utsname name{};
  uname(&name);
  return {"kernel", Verdict::ok, fmt::format("{} {} {}", name.sysname, name.release, name.machine),
          ""};
}

Finding examine_futex_waitv() {
  constexpr long kFutexWaitv = 449;  // the same number on every architecture
  Finding finding{"futex_waitv", Verdict::ok, "several topics are waited for with one call", ""};
  if (syscall(kFutexWaitv, nullptr, 0, 0, nullptr, 0) >= 0 || errno != ENOSYS) return finding;
  finding.verdict = Verdict::warn;
  finding.text = "missing: waiting for several topics polls each millisecond";
  finding.remedy = "use Linux 5.16 or later";
  return finding;
}

Finding examine_membarrier() {
  constexpr long kWanted =
      MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;
  Finding finding{"membarrier", Verdict::ok, "publishers need no fence while nobody sleeps", ""};
  const long offered = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  if (offered >= 0 && (offered & kWanted) == kWanted) return finding;
  finding.verdict = Verdict::warn;
  finding.text = "missing: publishers pay a fence for each message";
  finding.remedy = "use Linux 4.16 or later, and let the sandbox allow membarrier(2)";
  return finding;
}

std::string limit_text(rlim_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit);
}

Finding examine_files() {
  constexpr rlim_t kFew = 256, kEnough = 1024;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  Finding finding{"open files", Verdict::ok,
                  fmt::format("{} at a time (RLIMIT_NOFILE)", limit_text(limit.rlim_cur)), ""};
  if (limit.rlim_cur >= kEnough) return finding;
  finding.verdict = limit.rlim_cur < kFew ? Verdict::fail : Verdict::warn;
  finding.remedy = fmt::format(
      "ulimit -n {}; for good: nofile in /etc/security/limits.conf, or LimitNOFILE= of the service",
      limit.rlim_max >= kEnough ? limit_text(limit.rlim_max) : "1024");
  return finding;
}

Finding examine_locked_memory() {
  constexpr rlim_t kEnough = 8 << 20;  // what systemd grants
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  const bool endless = limit.rlim_cur == RLIM_INFINITY;
  Finding finding{"locked memory", Verdict::ok,
                  endless ? "unlimited (RLIMIT_MEMLOCK)"
                          : human_bytes(static_cast<double>(limit.rlim_cur)) + " (RLIMIT_MEMLOCK)",
                  ""};
  if (endless || limit.rlim_cur >= kEnough) return finding;
  finding.verdict = Verdict::warn;
  finding.remedy =
      "only for programs that lock their memory against swapping (mlockall): ulimit -l unlimited, "
      "or LimitMEMLOCK=infinity of the service";
  return finding;
}

Finding examine_mappings() {
  constexpr std::uint64_t kUsual = 65530;
  const std::string text = first_line("/proc/sys/vm/max_map_count");
  Finding finding{"mappings", Verdict::ok, text + " a process (vm.max_map_count)", ""};
  if (text.empty()) {
    finding.text = "vm.max_map_count cannot be read";
    return finding;
  }
  if (std::strtoull(text.c_str(), nullptr, 10) >= kUsual) return finding;
  finding.verdict = Verdict::warn;
  finding.remedy = fmt::format("sysctl vm.max_map_count={}; each topic takes a few", kUsual);
  return finding;
}

Finding examine_huge_pages() {
  const std::string text = first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
  const auto begin = text.find('['), end = text.find(']');
  const std::string chosen =
      begin == std::string::npos ? "" : text.substr(begin + 1, end - begin - 1);
  Finding finding{"huge pages", Verdict::ok, "shared memory gets them (" + chosen + ")", ""};
  if (chosen == "always" || chosen == "within_size" || chosen == "advise" || chosen == "force") {
    return finding;
  }
  finding.verdict = Verdict::warn;
  finding.text = "shared memory gets none (" + (chosen.empty() ? "no support" : chosen) +
                 "); matters for topics with --huge-pages alone";
  finding.remedy =
      "as root: echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled (a line in "
      "tmpfiles.d does it at boot)";
  return finding;
}

}  // namespace

std::vector<Finding> examine_kernel() {
  return {examine_release(),       examine_futex_waitv(), examine_membarrier(), examine_files(),
          examine_locked_memory(), examine_mappings(),    examine_huge_pages()};
}

}  // namespace tow::cli
