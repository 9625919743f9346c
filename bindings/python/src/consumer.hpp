#pragma once
/// Groups, consumers and deliveries, as Python holds them.

#include <memory>

#include "handle.hpp"
#include "reading.hpp"
#include "value_type.hpp"
#include "waitable.hpp"

namespace tow::python {

/// A consumer and its deliveries, which C keeps it alive for when it is closed before them.
class ConsumerFamily final : public Family {
 public:
  ConsumerFamily(tow_consumer* opened, std::shared_ptr<const ValueType> of)
      : Family("consumer"), handle(opened), type(std::move(of)) {}

  tow_consumer* const handle;
  const std::shared_ptr<const ValueType> type;

 private:
  void close_handle() override { tow_consumer_close(handle); }
};

struct Consumer : Waitable, FamilyHandle<ConsumerFamily> {
  Consumer(Ref<ConsumerFamily> opened, nb::object opened_of)
      : FamilyHandle(std::move(opened)), group(std::move(opened_of)) {}
  Family& family() const override { return **this; }
  tow_waitable* waitable() const override { return tow_consumer_waitable((*this)->handle); }

  const nb::object group;  ///< that made it
};

/// A message in the consumer's hands. Whatever settles it needs the consumer's turn.
struct Delivery : Reading {
  Delivery(tow_delivery* at, ConsumerFamily* of)
      : Reading(tow_delivery_message(at), of, of->type.get(), "delivery"), place(at) {}
  ~Delivery() { family->free_part_of<tow_delivery, tow_delivery_free>(place); }
  /// For C, on the consumer's turn, which this takes.
  tow_delivery* begin() const { return family->begin(Asks::part), place; }

  tow_delivery* const place;
};

/// The delivery that a Python object is. Raises TypeError.
Delivery& delivery_of(nb::handle object);

/// Consumer.settle().
nb::object settle(nb::handle consumer, const nb::args& deliveries);

}  // namespace tow::python
