#pragma once
/// Several at a time.

#include "error.hpp"

namespace tow::c {

/// Fills up to `max` of the program's places, each by `take(place, timeout_ns)`, waiting for the
/// first only. Looks at all places before it takes: nothing is lost to a null among them. What goes
/// wrong behind the first comes again with the next take.
template <class Place, class Take>
tow_code take_batch(Place* const* places, std::size_t max, const char* null_place,
                    std::int64_t timeout_ns, std::size_t* count, const Take& take) {
  for (std::size_t i = 0; i < max; ++i) {
    if (places[i] == nullptr) return null_argument(null_place);
  }
  return guarded([&] {
    std::size_t taken = 0;
    tow_code last = TOW_NOTHING;
    for (; taken < max; ++taken) {
      last = take(places[taken], taken == 0 ? timeout_ns : 0);
      if (last != TOW_OK) break;
    }
    if (taken == 0) return last;
    *count = taken;
    return TOW_OK;
  });
}

}  // namespace tow::c
