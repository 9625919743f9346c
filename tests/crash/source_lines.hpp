#pragma once
/// From instructions of this program to lines of its sources.

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace tow::crash {

/// Where an address of this process lies in the program's file.
std::uint64_t offset_of(std::uint64_t address);

/// True for this program, false for the libraries that it is linked to at run time.
bool is_own_code(std::uint64_t address);

/// The function and line of an address, for people.
std::string source_line(std::uint64_t address);

/// By source file below the project's root: the lines that belong to these offsets, inlined ones
/// too. Asks addr2line.
std::map<std::string, std::set<int>> lines_of(const std::set<std::uint64_t>& offsets);

}  // namespace tow::crash
