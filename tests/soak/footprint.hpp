#pragma once
/// What a process has open: it must not grow with the number of deaths around it.

#include <cstdint>
#include <string>

namespace tow::soak {

struct Footprint {
  std::uint32_t fds = 0;
  std::uint32_t mappings = 0;
};

/// This process's. Left out is what may grow to a bound that the files on disk or the living set: a
/// first mapping of a file of the bus (pages and lanes are mapped when they are first needed), and
/// pidfds.
Footprint footprint(const std::string& bus);

}  // namespace tow::soak
