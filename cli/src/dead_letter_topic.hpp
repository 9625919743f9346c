#pragma once
/// Topics of dead letters: how many lie there, and where the rest of them begins.

#include <cstdint>
#include <optional>
#include <string>
#include <towpath/towpath.hpp>

#include "command.hpp"

namespace tow::cli {

/// The group that remembers which dead letters were redriven or purged.
inline constexpr const char* kRedrive = "redrive";

/// What a group's consumers write into the headers of what it gave up.
inline constexpr const char* kDeadTopic = "dead.topic";

struct DeadLetterRange {
  std::uint64_t first = 1, last = 0;  ///< sequences; first > last: none
  std::uint64_t count = 0;            ///< settled ones among them left out
};

DeadLetterRange dead_letters_in(const TopicInfo& info);
/// The group that was made for it, or a new one. A new one is never in the way of those who bring
/// dead letters: it loses its oldest when the topic is full, as the topic does without it.
Group<Bytes> redrive_group(const Topic<Bytes>& topic);

void add_dlq_redrive(CLI::App& parent, Context& context);

}  // namespace tow::cli
