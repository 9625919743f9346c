#pragma once
/// The places in the product's source at which an order is declared: which of them a search passes,
/// and one of them weakened.

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "towpath/shm/atomic.hpp"

namespace tow::schedule {

/// An operation that runs with less than it declares.
struct Weakened {
  enum class Kind : std::uint8_t { load, store, exchange, fence, compiler, barrier };
  enum class How : std::uint8_t {
    off,     ///< relaxed; a fence or a barrier is left out
    milder,  ///< seq_cst becomes acquire and release
  };
  std::string file;  ///< as it ends
  unsigned first = 0, last = 0;
  How how = How::off;
};

/// From now on that place is weakened; nothing: none.
void weaken(std::optional<Weakened> place);
/// The order with which an operation runs.
std::memory_order order_at(const shm::Site& site, std::memory_order declared, Weakened::Kind kind);
/// True while a compiler fence is left out: then loads may have come before a barrier of others.
bool compiler_may_move();

/// File (as __FILE__) and line of each operation with an order, passed since the last call.
using Passed = std::set<std::pair<std::string, unsigned>>;
Passed take_passed();

}  // namespace tow::schedule
