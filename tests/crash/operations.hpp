#pragma once
/// Every operation that touches shared memory, ready to be killed.

#include <functional>
#include <string>
#include <vector>

#include "stage.hpp"

namespace tow::crash {

/// What is wrong with a bus after the operation, if anything; whether the operation had returned.
using Verdict = std::function<std::string(const Bus& bus, bool done)>;

struct Operation {
  std::string name;
  Setting setting{};
  std::function<void(Actor&)> prepare{};
  std::function<void(Actor&)> act{};
  std::uint64_t publishes = 0;  ///< messages that it publishes, at most
  bool may_remove = false;      ///< it may take the topic away
  std::uint64_t together = 1;   ///< messages of which all go out, or none
  std::uint64_t decided = 0;    ///< messages that go out whatever happens: the dead had decided so
  Verdict verdict{};            ///< of what only this operation changes
};

/// All of them, for both kinds of topic where it matters.
const std::vector<Operation>& operations();

}  // namespace tow::crash
