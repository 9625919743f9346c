#pragma once
/// What any survivor with the rights does for the dead. Every step is one CAS or store, may be done
/// twice or by several at once, and asks the kernel for proof of death itself.

#include <cstdint>

#include "towpath/shm/participants.hpp"
#include "towpath/shm/segment.hpp"

namespace tow::shm {

struct Repaired {
  std::uint32_t lanes = 0;      ///< made adoptable
  std::uint32_t readers = 0;    ///< pages freed
  std::uint32_t consumers = 0;  ///< of groups, whose leases were given back
  std::uint32_t waiting = 0;    ///< settlements that find no room yet: to be repaired again
};

/// Frees the lanes and reader pages of the topic in `directory` whose owners are dead, gives back
/// what dead consumers had, and rings for those whom the dead let sleep. Settlements of the dead
/// are resolved before. Dies here: some are free, others not; the next repairer goes on.
Repaired repair_topic(const Directory& directory, Participants& participants);

/// Gives back what the dead consumers of a topic's groups had, finishes the removal of groups, and
/// frees pages of groups that are gone. Returns how many consumers were dead.
std::uint32_t repair_groups(const Directory& topic, Participants& participants);

/// Wakes everybody who sleeps on the topic in `directory`, for messages or for room.
void ring_topic(const Directory& directory);

/// True when the topic in `directory` was marked removed and still has its name.
bool is_removed(const Directory& directory);

/// True while a subscriber of the topic in `directory` may be alive: it maps lanes when it first
/// meets them, so the files of a removed topic stay until then.
bool has_living_readers(const Directory& directory, Participants& participants);

}  // namespace tow::shm
