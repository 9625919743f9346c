#pragma once
/// What the rounds of the soak are like.

#include <cstdint>
#include <string>
#include <vector>

namespace tow::soak {

/// What one round does. Everything a child needs to know.
struct Plan {
  std::string name{};
  std::string bus{};           ///< path of the bus directory
  bool one = false;            ///< publishers = one
  bool steady = false;         ///< with many: one more publisher, whom nobody kills
  int publishers = 1;          ///< with `one`, all but the first stand by
  int subscribers = 1;         ///< killed ones; the observer comes on top
  int supervisors = 0;         ///< towds
  int consumers = 0;           ///< of one group; 0 = there is none
  bool settles = false;        ///< they ack by settlements that publish a result of each message
  std::uint64_t messages = 0;  ///< that the round has at least
  std::uint64_t depth = 16;    ///< asked for
  std::uint64_t lane_depth = 0;
  int kills = 640;
  std::uint64_t seed = 1;
  std::uint64_t watchdog_ns = 20'000'000'000;
};

/// All kinds of round, by the names that the tests have.
const std::vector<Plan>& plans();

}  // namespace tow::soak
