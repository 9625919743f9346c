#include "shared_log.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "towpath/shm/clock.hpp"

namespace tow::soak {

const char* to_text(Role role) {
  constexpr const char* kNames[] = {"observer", "publisher", "subscriber",
                                    "joiner",   "repairer",  "checker"};
  return kNames[static_cast<std::size_t>(role)];
}

SharedLog* SharedLog::map() {
  void* const memory =
      mmap(nullptr, sizeof(SharedLog), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<SharedLog*>(memory);
}

void SharedLog::fault(const std::string& text) {
  const std::uint32_t number = faults.fetch_add(1);
  if (number >= kMaxFaults) return;
  auto& slot = fault_texts[number];
  std::memcpy(slot.data(), text.data(), std::min(text.size(), slot.size() - 1));
}

std::string SharedLog::fault_list() const {
  std::string list;
  for (const auto& text : fault_texts) {
    if (text[0] != '\0') list += std::string("\n  ") + text.data();
  }
  return list;
}

void Self::progress(std::uint32_t step) {
  const std::uint64_t now = shm::monotonic_ns();
  const std::uint32_t stops = place_.stops.load();
  if (last_ns_ != 0 && stops == stops_ && now - last_ns_ > log.longest_pause_ns.load()) {
    log.longest_pause_ns.store(now - last_ns_);
    log.longest_pause_role.store(static_cast<std::uint32_t>(role_));
  }
  last_ns_ = now;
  stops_ = stops;
  place_.step.store(step);
  place_.progress_ns.store(now);
}

void Self::idle() {
  last_ns_ = 0;
  place_.progress_ns.store(0);
}

}  // namespace tow::soak
