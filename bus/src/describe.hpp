#pragma once
/// Who owns something in shared memory, for people.

#include "towpath/info.hpp"
#include "towpath/shm/participants.hpp"

namespace tow {

ProcessInfo describe(shm::Participants& participants, std::uint64_t owner);

}  // namespace tow
