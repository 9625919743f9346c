#pragma once
/// Forks: a child inherits copies of handles whose memory it does not have.

#include <cstdint>

namespace tow::shm {

/// How many forks lie between the program's start and this process, counted from the first call.
/// Handles note it when they are made; where it differs later they are a child's copies, which
/// touch no shared memory and unmap nothing.
std::uint64_t fork_count();

}  // namespace tow::shm
