#pragma once
/// What a system takes to be there: its files, and the memory of its processes.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace towbench {

/// Blocks of all files below a directory whose path within it begins with `prefix`: what they take,
/// not what they seem to.
std::uint64_t allocated_bytes(const std::string& directory, std::string_view prefix = "");

/// The proportional set size of a process: its own memory, and its share of what it shares.
double proportional_kib(int process);
/// MiB of these processes and all their descendants; what several share is counted once.
double memory_mib(std::span<const int> processes);
/// KiB of the files in /dev/shm that these processes and their descendants have mapped.
double shared_files_kib(std::span<const int> processes);
/// KiB of anonymous memory of this process.
double anonymous_kib();

}  // namespace towbench
