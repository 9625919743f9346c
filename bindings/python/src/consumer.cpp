#include "consumer.hpp"

#include <vector>

#include "bind.hpp"
#include "takers.hpp"

namespace tow::python {
namespace {

/// Places for deliveries; those that no Delivery took over are freed, and what they hold goes back.
class DeliveryPlaces {
 public:
  DeliveryPlaces(ConsumerFamily& family, std::size_t count) : family_(family) {
    places_.reserve(count);
    while (places_.size() < count) {
      places_.push_back(nullptr);
      check(tow_delivery_new(&places_.back()));
    }
  }
  DeliveryPlaces(const DeliveryPlaces&) = delete;
  ~DeliveryPlaces() {
    for (; used_ < places_.size(); ++used_) {
      family_.free_part_of<tow_delivery, tow_delivery_free>(places_[used_]);
    }
  }
  tow_delivery* const* data() const { return places_.data(); }
  nb::object use() {
    nb::object delivery = make<Delivery>(places_[used_], &family_);
    ++used_;
    return delivery;
  }

 private:
  ConsumerFamily& family_;
  std::vector<tow_delivery*> places_;
  std::size_t used_ = 0;
};

nb::object take_one(Consumer& self, std::int64_t timeout_ns) {
  ConsumerFamily& family = *self;
  DeliveryPlaces place(family, 1);
  const tow_code code = family.wait(timeout_ns, [&](std::int64_t ns) {
    return tow_consumer_take(family.handle, ns, place.data()[0]);
  });
  if (code == TOW_OK) [[likely]]
    return place.use();
  if (code != TOW_NOTHING) raise(code);
  return nb::none();
}
using Methods = TakingMethods<Consumer, take_one>;

constexpr std::size_t kMaxPrefetch = 256;

PyObject* take_batch(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                     PyObject* names) {
  return guarded<PyObject*>(nullptr, [&] {
    const Batch batch("take_batch", arguments, count, names);
    ConsumerFamily& family = *object_of<Consumer>(self);
    family.begin();
    nb::list list;
    // No consumer has more in hand.
    const std::size_t most = std::min(batch.max, kMaxPrefetch);
    if (most == 0) return list.release().ptr();
    DeliveryPlaces places(family, most);
    std::size_t taken = 0;
    const tow_code code = family.wait(batch.timeout_ns, [&](std::int64_t ns) {
      return tow_consumer_take_batch(family.handle, ns, places.data(), most, &taken);
    });
    if (code != TOW_OK && code != TOW_NOTHING) raise(code);
    for (std::size_t i = 0; code == TOW_OK && i < taken; ++i) list.append(places.use());
    return list.release().ptr();
  });
}

std::size_t ack_all(Consumer& self, nb::handle deliveries) {
  std::vector<nb::object> kept;
  std::vector<tow_delivery*> places;
  for (const nb::handle one : deliveries) {
    const Delivery& delivery = delivery_of(one);
    if (delivery.family != self.ref().get()) {
      raise(PyExc_ValueError, "ack_all() takes deliveries of this consumer alone");
    }
    kept.push_back(nb::borrow(one));
    places.push_back(delivery.place);
  }
  self->begin(Asks::part);
  std::size_t acked = 0;
  check(tow_delivery_ack_all(places.data(), places.size(), &acked));
  return acked;
}

std::uint32_t outstanding(const Consumer& self) {
  self->begin();
  return tow_consumer_outstanding(self->handle);
}

PyMethodDef methods[] = {
    fast_method("take", Methods::take,
                "take($self, /, timeout=None)\n--\n\n"
                "The next Delivery, waiting up to `timeout` seconds (None: for ever, 0: not at "
                "all); None when none came. Raises TooMany (as many are unsettled as `prefetch` "
                "allows), Removed, Corrupt, Stale."),
    {"try_take", Methods::try_take, METH_NOARGS,
     "try_take($self, /)\n--\n\nThe next Delivery, or None; never waits."},
    fast_method("take_batch", take_batch,
                "take_batch($self, /, max=64, timeout=None)\n--\n\n"
                "Up to `max` deliveries as a list (at most `prefetch`), waiting for the first "
                "only; empty when none came. Errors as take(); what was taken before one is "
                "returned, and it comes again."),
    {nullptr, nullptr, 0, nullptr}};

const PyType_Slot kSlots[] = {
    {Py_tp_methods, static_cast<void*>(methods)},
    {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
    {Py_tp_iternext, reinterpret_cast<void*>(Methods::next)},
    {Py_tp_traverse, reinterpret_cast<void*>(AwaitedSlots<Consumer>::traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(AwaitedSlots<Consumer>::clear)},
    {0, nullptr}};

}  // namespace

void bind_consumer(nb::module_& module) {
  nb::class_<Consumer, Waitable> consumer(
      module, "Consumer", nb::type_slots(kSlots),
      "One handle of a process in a group, made by Group.consumer(). One thread at a time: a "
      "second one waits its turn, at most some 10 ms. Iterating takes deliveries for ever, and "
      "ends when the group is removed; `async for` does the same without a thread. When it is "
      "closed, what it has not settled goes back without blame, as soon as no delivery of it is "
      "held. When its process dies, others get what it had.");
  consumer
      .def_prop_ro("outstanding", &outstanding,
                   "Deliveries handed out or prefetched, and not settled.")
      .def_prop_ro(
          "group", [](const Consumer& self) { return self.group; },
          nb::sig("def group(self) -> Group"), "The group that made it.")
      .def("ack_all", &ack_all, nb::arg("deliveries"),
           nb::sig("def ack_all(self, deliveries: Iterable[Delivery]) -> int"),
           "Acks all of them; returns how many were still this consumer's.")
      .def(
          "settle",
          [](nb::pointer_and_handle<Consumer> self, const nb::args& deliveries) {
            return settle(self.h, deliveries);
          },
          nb::sig("def settle(self, *deliveries: Delivery) -> Settlement"),
          "Begins a settlement, which acks these deliveries and publishes messages, all or none.");
  bind_closing(consumer);
}

}  // namespace tow::python
