#pragma once
/// What any survivor with the rights does for the dead. Every step is one CAS or store, may be done
/// twice or by several at once, and asks the kernel for proof of death itself.

#include <cstdint>

#include "towpath/shm/participants.hpp"
#include "towpath/shm/segment.hpp"

namespace tow::shm {

struct Repaired {
  std::uint32_t lanes = 0;    ///< made adoptable
  std::uint32_t readers = 0;  ///< pages freed
};

/// Frees the lanes and reader pages of the topic in `directory` whose owners are dead, and rings
/// its doorbells if there were any: a publisher may have died between commit and wake. Dies here:
/// some are free, others not; the next repairer goes on.
Repaired repair_topic(const Directory& directory, Participants& participants);

/// True while a subscriber of the topic in `directory` may be alive: it maps lanes when it first
/// meets them, so the files of a removed topic stay until then.
bool has_living_readers(const Directory& directory, Participants& participants);

}  // namespace tow::shm
