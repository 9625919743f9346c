#pragma once
/// Every operation that touches shared memory, ready to be killed.

#include <functional>
#include <string>
#include <vector>

#include "stage.hpp"

namespace tow::crash {

struct Operation {
  std::string name;
  Setting setting{};
  std::function<void(Actor&)> prepare;
  std::function<void(Actor&)> act;
  std::uint64_t publishes = 0;  ///< messages that it publishes, at most
  bool may_remove = false;      ///< it may take the topic away
  bool replay = true;           ///< run again to be killed for real, too
};

/// All of them, for both kinds of topic where it matters.
const std::vector<Operation>& operations();

/// Wrong on purpose: the harness must find a fault in each.
const std::vector<Operation>& broken_operations();

}  // namespace tow::crash
