#include "shared_log.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "towpath/shm/clock.hpp"
#include "towpath/shm/histogram.hpp"

namespace tow::soak {

const char* to_text(Role role) {
  constexpr const char* kNames[] = {"observer", "steady publisher", "publisher", "subscriber",
                                    "joiner",   "repairer",         "towd",      "consumer",
                                    "auditor",  "checker"};
  return kNames[static_cast<std::size_t>(role)];
}

const char* to_text(Step step) {
  constexpr const char* kNames[] = {"starting", "waiting", "working", "ending"};
  return kNames[static_cast<std::size_t>(step)];
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

bool SharedLog::agrees(std::uint64_t sequence, const Stamp& stamp) {
  // Which lap of the window, and which message; never 0, as an entry is that nobody wrote.
  constexpr int kHashBits = 44;
  const std::uint64_t lap = (sequence / kOrderWindow + 1) << kHashBits;
  const std::uint64_t message = mix(std::uint64_t{stamp.incarnation} << 40 ^ stamp.counter);
  const std::uint64_t word = lap | (message & ((1ULL << kHashBits) - 1));
  auto& entry = order[sequence % kOrderWindow];
  std::uint64_t seen = entry.load();
  while (seen >> kHashBits != word >> kHashBits) {
    if (entry.compare_exchange_weak(seen, word)) return true;
  }
  return seen == word;
}

void Self::progress(Step step) {
  const std::uint64_t now = shm::monotonic_ns();
  const std::uint64_t stops = log.stops.load(), deaths = log.deaths.load();
  const bool undisturbed = stops == stops_ && log.stopped_now.load() == 0;
  // Without a publisher that always lives a reader waits for the next one to be started.
  const bool reads = role_ == Role::observer || role_ == Role::subscriber ||
                     role_ == Role::joiner || role_ == Role::consumer;
  const bool counts = undisturbed && (plan.steady || !reads);
  if (last_ns_ != 0 && counts && deaths != deaths_) {
    Pauses& pauses = log.pauses[static_cast<std::size_t>(role_)];
    const std::uint64_t pause = now - last_ns_;
    pauses.buckets[shm::bucket_of(pause)].fetch_add(1, shm::kRelaxed);
    std::uint64_t longest = pauses.longest_ns.load();
    while (longest < pause && !pauses.longest_ns.compare_exchange_weak(longest, pause)) {
    }
  }
  last_ns_ = now;
  stops_ = stops;
  deaths_ = deaths;
  place_.step.store(step);
  place_.progress_ns.store(now);
}

void Self::idle() {
  last_ns_ = 0;
  place_.step.store(Step::waiting);
  place_.progress_ns.store(0);
}

void Self::weigh() {
  constexpr std::uint64_t kEvery = 25'000'000;
  const std::uint64_t now = shm::monotonic_ns();
  if (weighed_ns_ != 0 && now - weighed_ns_ < kEvery) return;
  const Footprint size = footprint(plan.bus);
  if (weighed_ns_ == 0) first_ = size;
  weighed_ns_ = now;
  last_ns_ = 0;  // looking takes a while, and is no pause
  log.weighings.fetch_add(1);
  if (size.fds <= first_.fds && size.mappings <= first_.mappings) return;
  if (size.fds > first_.fds) log.grown_fds.fetch_add(size.fds - first_.fds);
  if (size.mappings > first_.mappings) {
    log.grown_mappings.fetch_add(size.mappings - first_.mappings);
  }
  log.fault(std::string(to_text(role_)) + " had " + std::to_string(first_.fds) + " fds and " +
            std::to_string(first_.mappings) + " mappings beyond one a file, and has " +
            std::to_string(size.fds) + " and " + std::to_string(size.mappings));
}

}  // namespace tow::soak
