#pragma once
/// From the options' start to the ring's.

#include <chrono>
#include <cstdint>
#include <memory>

#include "towpath/options.hpp"
#include "towpath/shm/reader.hpp"

namespace tow {

shm::StartAt start_of(const std::shared_ptr<shm::Ring>& ring, Start start);
/// Behind the newest message that is known to be older than `ago`.
std::uint64_t first_since(const std::shared_ptr<shm::Ring>& ring, std::chrono::nanoseconds ago);

}  // namespace tow
