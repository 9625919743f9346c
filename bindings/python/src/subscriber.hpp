#pragma once
/// Subscribers, as Python holds them.

#include <memory>

#include "handle.hpp"
#include "value_type.hpp"
#include "waitable.hpp"

namespace tow::python {

/// A subscriber and its messages.
class SubscriberFamily final : public Family {
 public:
  SubscriberFamily(tow_subscriber* opened, std::shared_ptr<const ValueType> of)
      : Family("subscriber"), handle(opened), type(std::move(of)) {}

  tow_subscriber* const handle;
  const std::shared_ptr<const ValueType> type;

 private:
  void close_handle() override { tow_subscriber_close(handle); }
};

struct Subscriber : Waitable, FamilyHandle<SubscriberFamily> {
  using FamilyHandle::FamilyHandle;
  Family& family() const override { return **this; }
  tow_waitable* waitable() const override { return tow_subscriber_waitable((*this)->handle); }
};

}  // namespace tow::python
