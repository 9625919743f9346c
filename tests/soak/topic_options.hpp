#pragma once
/// The topic that all children of a plan use: small, so that it is always full.

#include "shared_log.hpp"
#include "towpath/towpath.hpp"

namespace tow::soak {

inline constexpr std::size_t kLargestPayload = 4000;
inline constexpr std::uint64_t kPoolBytes = 64 << 10;

inline TopicOptions topic_options(const Plan& plan) {
  TopicOptions options;
  options.publishers = plan.one ? Publishers::one : Publishers::many;
  options.depth = plan.depth;
  options.lane_depth = plan.lane_depth;
  options.max_message_bytes = 8192;
  options.pool_bytes = kPoolBytes;
  // Joiners come on top of those that belong to the plan.
  if (!plan.one) options.max_publishers = static_cast<std::uint32_t>(plan.publishers + 1);
  options.max_subscribers = static_cast<std::uint32_t>(plan.subscribers + plan.consumers + 9);
  options.stamps = Stamps::all;
  return options;
}

}  // namespace tow::soak
