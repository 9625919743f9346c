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
};

/// All of them, for both kinds of topic where it matters.
const std::vector<Operation>& operations();

}  // namespace tow::crash
