#pragma once
/// The version of the library; the layout of shared memory has its own (shm/segment.hpp).

#include <string_view>

namespace tow {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace tow
