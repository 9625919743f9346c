#pragma once
/// The turns of several handles at once.

#include <vector>

#include "family.hpp"

namespace tow::python {

/// Takes the turns of all of them in the order of their addresses, so that nobody waits in a
/// circle. Between enter() and leave() no Python code may run, which might want one of them: no
/// signal handlers, and nothing is made that the collector of garbage counts.
class Turns {
 public:
  void add(Family& family);
  /// Waits for all until the deadline; false when it passed before. Raises what signal handlers
  /// raise, and RuntimeError in a forked child. Handles that are closed are none of its business.
  bool enter(const Deadline& deadline);
  void leave();
  /// One that a thread has the turn of; null: none.
  Family* taken() const;

 private:
  std::vector<Ref<Family>> families_;
};

}  // namespace tow::python
