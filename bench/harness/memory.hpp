#pragma once
/// What a system takes to be there: its files, and the memory of its processes.

#include <cstdint>
#include <string>
#include <string_view>

namespace towbench {

/// Blocks of all files below a directory whose path within it begins with `prefix`: what they take,
/// not what they seem to.
std::uint64_t allocated_bytes(const std::string& directory, std::string_view prefix = "");

/// The proportional set size of a process: its own memory, and its share of what it shares.
double proportional_kib(int process);

}  // namespace towbench
