#pragma once
/// From the options' start to the ring's.

#include "towpath/options.hpp"
#include "towpath/shm/reader.hpp"

namespace tow {

shm::StartAt start_of(Start start);

}  // namespace tow
