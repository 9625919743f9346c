#include "turns.hpp"

#include <algorithm>

namespace tow::python {

void Turns::add(Family& family) {
  const auto at =
      std::lower_bound(families_.begin(), families_.end(), &family,
                       [](const Ref<Family>& one, Family* other) { return one.get() < other; });
  if (at != families_.end() && at->get() == &family) return;
  family.keep();
  families_.insert(at, Ref<Family>(&family));
}

bool Turns::enter(const Deadline& deadline) {
  if (!families_.front()->enter(deadline, Asks::part)) return false;
  // The others have theirs for a slice at most.
  for (std::size_t i = 1; i < families_.size(); ++i) families_[i]->enter_quietly();
  return true;
}

void Turns::leave() {
  for (const Ref<Family>& family : families_) family->leave();
}

Family* Turns::taken() const {
  const auto one = std::find_if(families_.begin(), families_.end(),
                                [](const Ref<Family>& family) { return family->taken(); });
  return one == families_.end() ? nullptr : one->get();
}

}  // namespace tow::python
