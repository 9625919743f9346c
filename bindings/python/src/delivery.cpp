#include "arguments.hpp"
#include "bind.hpp"
#include "consumer.hpp"
#include "convert.hpp"

namespace tow::python {

Delivery& delivery_of(nb::handle object) {
  if (!nb::isinstance<Delivery>(object)) {
    raise(PyExc_TypeError, "this takes deliveries, not %.200s", Py_TYPE(object.ptr())->tp_name);
  }
  return nb::cast<Delivery&>(object);
}

namespace {

PyObject* ack(PyObject* self, PyObject*) {
  return guarded<PyObject*>(nullptr, [&] {
    check(tow_delivery_ack(object_of<Delivery>(self).begin()));
    return nb::none().release().ptr();
  });
}

void retry(Delivery& self, nb::handle after) {
  check(tow_delivery_retry(self.begin(), after.is_none() ? -1 : ns_of(after)));
}

void reject(Delivery& self, const std::string& reason) {
  check(tow_delivery_reject(self.begin(), c_text(reason)));
}

/// What becomes of it at the end of a `with` block that did not settle it.
void leave(Delivery& self, nb::handle raised, const nb::args&) {
  if (self.family->inherited()) return;
  tow_delivery* const it = self.begin();
  if (tow_delivery_settled(it)) return;
  if (raised.is_none()) return check(tow_delivery_ack(it));
  // What the block raised says more than that the delivery was lost meanwhile.
  if (PyObject_IsSubclass(raised.ptr(), PyExc_Exception) == 1) {
    (void)tow_delivery_retry(it, -1);
  } else {
    (void)tow_delivery_release(it);
  }
}

PyMethodDef methods[] = {
    {"ack", ack, METH_NOARGS,
     "ack($self, /)\n--\n\nDone: it comes never again. Raises LeaseLost, as the others that "
     "settle, when it is this consumer's no more: its lease ran out, there was a seek, it was "
     "dropped or settled before."},
    {nullptr, nullptr, 0, nullptr}};

const PyType_Slot kSlots[] = {
    {Py_tp_methods, static_cast<void*>(methods)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(ReadingSlots<Delivery>::get_buffer)},
    {Py_bf_releasebuffer, reinterpret_cast<void*>(ReadingSlots<Delivery>::release_buffer)},
    {Py_mp_length, reinterpret_cast<void*>(ReadingSlots<Delivery>::length)},
    {0, nullptr}};

void bind_settling(nb::class_<Delivery>& delivery) {
  delivery
      .def(
          "release", [](Delivery& self) { check(tow_delivery_release(self.begin())); },
          "Gives it back, as if it had not been handed out: at once to anybody, not counted as an "
          "attempt, flagged as redelivered. The payload may be read on.")
      .def("retry", &retry, nb::arg("after") = nb::none(),
           nb::sig("def retry(self, after: float | None = None) -> None"),
           "This attempt failed: again after so many seconds; None: after the group's backoff. "
           "After the last attempt it is given up.")
      .def("reject", &reject, nb::arg("reason") = "",
           "Gives it up: to the dead letters, with the reason.")
      .def(
          "renew", [](Delivery& self) { check(tow_delivery_renew(self.begin())); },
          "Starts the time of its lease anew, where the group has one.")
      .def("__enter__", [](nb::object self) { return self; })
      .def("__exit__", &leave, nb::arg("raised").none(), nb::arg("more"),
           "Acks it when the block ends well. When the block raises, retries it; releases it when "
           "that was no Exception but KeyboardInterrupt or the end of a task. One that the block "
           "has settled stays so.");
}

}  // namespace

void bind_delivery(nb::module_& module) {
  nb::class_<Delivery> delivery(
      module, "Delivery", nb::type_slots(kSlots),
      "A message in a consumer's hands until it is settled, once: by ack(), release(), retry(), "
      "reject() or a settlement; one that ends unsettled is released. A read-only buffer, as "
      "Message is, also when it is settled. Any thread may read it; settling it waits for the "
      "consumer's turn. It may outlive its consumer.");
  bind_reading(delivery);
  bind_settling(delivery);
  delivery
      .def_prop_ro(
          "attempts",
          [](const Delivery& self) { return (void)self.get(), tow_delivery_attempts(self.place); },
          "How often handling it was begun and failed before.")
      .def_prop_ro(
          "redelivered",
          [](const Delivery& self) {
            return (void)self.get(), tow_delivery_redelivered(self.place);
          },
          "Whether somebody has begun to handle it before: it may have been done.")
      .def_prop_ro(
          "settled", [](const Delivery& self) { return tow_delivery_settled(self.begin()); },
          "Whether it was acked, released, retried or rejected.")
      .def("__repr__", [](const Delivery& self) { return reading_repr(self, "Delivery"); });
}

}  // namespace tow::python
