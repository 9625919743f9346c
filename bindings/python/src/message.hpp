#pragma once
/// A message that a subscriber took, or a reply.

#include "reading.hpp"

namespace tow::python {

/// Holds a place of its family, which goes back when it ends.
struct Message : Reading {
  Message(tow_message* at, Family* of, const ValueType* of_type)
      : Reading(at, of, of_type, "message"), place(at) {}
  ~Message() {
    if (place != nullptr) family->give_back(place);
  }
  void release() {
    check_unviewed();
    message = nullptr;
    if (place != nullptr) family->give_back(std::exchange(place, nullptr));
  }
  tow_message* place;
};

}  // namespace tow::python
