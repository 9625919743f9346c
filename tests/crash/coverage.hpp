#pragma once
/// Whether every line of the product that changes what processes share was killed at.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace tow::crash {

/// Lines that change shared memory, files or locks, and that no instruction of `executed` (offsets
/// into this program) belongs to; each as "file:line: text". Lines that cannot be reached by an
/// operation are listed with their reason in coverage.cpp; one that is reached after all is
/// reported too.
std::vector<std::string> lines_not_killed_at(const std::set<std::uint64_t>& executed);

}  // namespace tow::crash
