#include "stage.hpp"

#include <algorithm>
#include <cstring>

#include "towpath/shm/clock.hpp"

namespace tow::hostile {

const char* to_text(Attack attack) {
  constexpr const char* kNames[] = {"scribble_as_publisher",
                                    "scribble_as_subscriber",
                                    "scribble_as_consumer",
                                    "scribble_elsewhere",
                                    "spoil_files",
                                    "lock",
                                    "flood",
                                    "join_and_leave",
                                    "consume"};
  return kNames[static_cast<std::size_t>(attack)];
}

void StageLog::fault(const std::string& text) {
  const std::uint32_t number = faults.fetch_add(1);
  if (number >= fault_texts.size()) return;
  auto& slot = fault_texts[number];
  std::memcpy(slot.data(), text.data(), std::min(text.size(), slot.size() - 1));
}

std::string StageLog::fault_list() const {
  std::string list;
  for (const auto& text : fault_texts) {
    if (text[0] != '\0') list += std::string("\n  ") + text.data();
  }
  return list;
}

void Victim::step(bool failed) const {
  self.operations.fetch_add(1);
  if (failed) self.errors.fetch_add(1);
  self.progress_ns.store(shm::monotonic_ns());
}

TopicOptions attacked_options(const Plan& plan) {
  return {.publishers = plan.kind,
          .depth = 48,
          .max_message_bytes = 8192,
          .pool_bytes = 64 << 10,
          .lane_depth = plan.kind == Publishers::many ? 32U : 0U,
          .max_publishers = plan.kind == Publishers::many ? 6U : 0U,
          .max_subscribers = 12,
          .stamps = Stamps::all};
}

GroupOptions attacked_group() {
  using namespace std::chrono_literals;
  return {.start = Start::oldest(),
          .max_attempts = 3,
          .lease = 2ms,
          .backoff = 1ms,
          .max_length = 24,
          .overflow = Overflow::drop_oldest};
}

}  // namespace tow::hostile
