#pragma once
/// Taking one message, or a batch: the same for subscribers and for whatever gives messages.

#include <vector>

#include "message.hpp"

namespace tow::python {

/// What one take gives: a Message, None, or what its code raises. `take(timeout_ns, place)` is the
/// function of C.
template <class Take>
nb::object take_message(Family& family, const ValueType* type, std::int64_t timeout_ns,
                        const Take& take) {
  tow_message* const place = family.place();
  tow_code code = TOW_NOTHING;
  try {
    code = family.wait(timeout_ns, [&](std::int64_t ns) { return take(ns, place); });
  } catch (...) {
    family.give_back(place);
    throw;
  }
  if (code == TOW_OK) [[likely]]
    return make<Message>(place, &family, type);
  family.give_back(place);
  if (code != TOW_NOTHING) raise(code);
  return nb::none();
}

/// Places for a batch of messages; those that were not filled go back.
class Places {
 public:
  Places(Family& family, std::size_t count) : family_(family) {
    places_.reserve(count);
    while (places_.size() < count) places_.push_back(family.place());
  }
  Places(const Places&) = delete;
  ~Places() {
    while (used_ < places_.size()) {
      family_.put_back(places_.back());
      places_.pop_back();
    }
  }
  tow_message* const* data() const { return places_.data(); }
  std::size_t size() const { return places_.size(); }
  /// The next one, whose user gives it back.
  tow_message* use() { return places_[used_++]; }

 private:
  Family& family_;
  std::vector<tow_message*> places_;
  std::size_t used_ = 0;
};

}  // namespace tow::python
