#pragma once
/// What a survivor finds in a group after a death.

#include <cstdint>

#include "stage.hpp"

namespace tow::crash {

/// Joins the topic's group, takes and acks all that is to come, and compares; then removes it.
/// Throws the first fault. `tail` is the topic's last message.
void survey_group(const Topic<Bytes>& topic, std::uint64_t tail, const GroupWant& want);

}  // namespace tow::crash
