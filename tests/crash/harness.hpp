#pragma once
/// Runs an operation instruction by instruction and lets it die everywhere.

#include <cstdint>
#include <set>
#include <string>

#include "operations.hpp"

namespace tow::crash {

/// What was done, over all operations.
struct Counts {
  std::uint64_t operations = 0;
  std::uint64_t instructions = 0;  ///< kill points: the region was looked at behind each
  std::uint64_t states = 0;        ///< distinct states of the region; a survivor recovered each
  std::uint64_t kills = 0;         ///< real ones: once a distinct state, and around system calls
  std::uint64_t missed = 0;        ///< places that a second run did not come to
  std::uint64_t interruptions = 0;
};
Counts& counts();

/// Instructions executed in any operation, as offsets into this program.
std::set<std::uint64_t>& executed();

/// Steps through the operation. Recovers a copy of the region in each state that it has; then runs
/// it again for each of these places, and for both sides of each system call, and kills it there.
/// Empty when every recovery found all promises kept; else the first that did not, and where.
std::string kill_everywhere(const Operation& operation);

/// An operation in whose midst somebody else acts.
struct Interruption {
  Operation operation;
  std::function<void(Stage&)> interrupt{};
  /// Asked once the operation has ended, before its process leaves: empty, or what is wrong.
  std::function<std::string(Stage&, const Progress&)> verdict{};
};

/// Runs the operation once for each of its instructions (of loops for the first rounds, and of long
/// ones for 500 of them), interrupts it there, and lets it end.
/// Empty when every verdict was; else the first that was not, and where.
std::string interrupt_everywhere(const Interruption& interruption);

}  // namespace tow::crash
