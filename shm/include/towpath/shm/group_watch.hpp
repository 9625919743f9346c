#pragma once
/// What has become of one message in a group, for who published it and waits for the outcome.

#include <cstdint>

#include "towpath/shm/group.hpp"

namespace tow::shm {

struct Handling {
  enum class Stage : std::uint8_t {
    waiting,   ///< nobody has begun it; or it comes again
    begun,     ///< `holder` handles it
    settled,   ///< done: acked, withdrawn, or not for the group
    given_up,  ///< no attempt is left
  } stage = Stage::waiting;
  Token holder{};            ///< nobody when its entry has changed hands since
  bool is_last_try = false;  ///< should this attempt fail, it is given up
};

/// Looks at the group's words only; asks nobody whether the holder lives.
Handling handling_of(const Group& group, std::uint64_t sequence);

/// Settles a message of which nobody wants the outcome any more, whoever has it: a consumer that
/// handles it finds its lease lost. False when it was settled or given up already.
/// Dies anywhere: it is withdrawn or not; the next consumer that settles anything raises the mark.
bool withdraw(const Group& group, std::uint64_t sequence);

/// Consumers of the group whose processes live. Asks the kernel.
std::uint32_t living_consumers(const Group& group);

}  // namespace tow::shm
