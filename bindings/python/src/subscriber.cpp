#include "subscriber.hpp"

#include "arguments.hpp"
#include "bind.hpp"
#include "convert.hpp"
#include "takers.hpp"
#include "taking.hpp"

namespace tow::python {
namespace {

nb::object take_one(Subscriber& self, std::int64_t timeout_ns) {
  SubscriberFamily& family = *self;
  return take_message(family, family.type.get(), timeout_ns,
                      [&](std::int64_t ns, tow_message* place) {
                        return tow_subscriber_take(family.handle, ns, place);
                      });
}

using Methods = TakingMethods<Subscriber, take_one>;

nb::object take_batch_of(Subscriber& self, const Batch& batch) {
  SubscriberFamily& family = *self;
  family.begin();
  if (batch.max == 0) return nb::list();
  Places places(family, batch.max);
  std::size_t taken = 0;
  const tow_code code = family.wait(batch.timeout_ns, [&](std::int64_t ns) {
    return tow_subscriber_take_batch(family.handle, ns, places.data(), places.size(), &taken);
  });
  if (code != TOW_OK && code != TOW_NOTHING) raise(code);
  if (code == TOW_NOTHING) taken = 0;
  nb::object list = nb::steal(PyList_New(static_cast<Py_ssize_t>(taken)));
  if (!list.is_valid()) raise_set();
  for (std::size_t i = 0; i < taken; ++i) {
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i),
                    make<Message>(places.use(), &family, family.type.get()).release().ptr());
  }
  return list;
}

PyObject* take_batch(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                     PyObject* names) {
  return guarded<PyObject*>(nullptr, [&] {
    const Batch batch("take_batch", arguments, count, names);
    return take_batch_of(object_of<Subscriber>(self), batch).release().ptr();
  });
}

nb::object take_values_of(Subscriber& self, const Batch& batch) {
  SubscriberFamily& family = *self;
  family.begin();
  if (family.type == nullptr) {
    raise(PyExc_TypeError, "take_values() needs a topic with a dtype: all of one size");
  }
  const std::size_t bytes = family.type->bytes();
  nb::object values = numpy("empty")(batch.max, family.type->dtype());
  Memory to(values.ptr());
  std::size_t taken = 0;
  const tow_code code =
      batch.max == 0 ? TOW_NOTHING : family.wait(batch.timeout_ns, [&](std::int64_t ns) {
        return tow_subscriber_take_values(family.handle, ns, to.data(), bytes, batch.max, &taken);
      });
  if (code != TOW_OK && code != TOW_NOTHING) raise(code);
  to.release();
  if (taken < batch.max) values.attr("resize")(taken, nb::arg("refcheck") = false);
  return values;
}

PyObject* take_values(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                      PyObject* names) {
  return guarded<PyObject*>(nullptr, [&] {
    const Batch batch("take_values", arguments, count, names);
    return take_values_of(object_of<Subscriber>(self), batch).release().ptr();
  });
}

nb::object latest(Subscriber& self) {
  SubscriberFamily& family = *self;
  family.begin();
  return take_message(family, family.type.get(), 0, [&](std::int64_t, tow_message* place) {
    return tow_subscriber_latest(family.handle, place);
  });
}

template <std::uint64_t (*ask)(const tow_subscriber*)>
std::uint64_t number(const Subscriber& self) {
  self->begin();
  return ask(self->handle);
}

PyMethodDef methods[] = {
    fast_method("take", Methods::take,
                "take($self, /, timeout=None)\n--\n\n"
                "The next Message, waiting up to `timeout` seconds (None: for ever, 0: not at "
                "all); None when none came. Raises Evicted, Removed (the topic was removed and "
                "nothing is left), Corrupt (one message, which is skipped), Stale."),
    {"try_take", Methods::try_take, METH_NOARGS,
     "try_take($self, /)\n--\n\nThe next Message, or None; never waits."},
    fast_method("take_batch", take_batch,
                "take_batch($self, /, max=64, timeout=None)\n--\n\n"
                "Up to `max` messages as a list, waiting for the first only; empty when none came. "
                "Errors as take(); what was taken before one is returned, and it comes again."),
    fast_method("take_values", take_values,
                "take_values($self, /, max=64, timeout=None)\n--\n\n"
                "Up to `max` payloads of a typed topic as a new array of its dtype, waiting for "
                "the first only. One call and one copy: the fastest way to read. Errors as take(), "
                "and TypeMismatch for a message of another size, which is skipped."),
    {nullptr, nullptr, 0, nullptr}};

const PyType_Slot kSlots[] = {
    {Py_tp_methods, static_cast<void*>(methods)},
    {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
    {Py_tp_iternext, reinterpret_cast<void*>(Methods::next)},
    {Py_tp_traverse, reinterpret_cast<void*>(AwaitedSlots<Subscriber>::traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(AwaitedSlots<Subscriber>::clear)},
    {0, nullptr}};

}  // namespace

void bind_subscriber(nb::module_& module) {
  nb::class_<Subscriber, Waitable> subscriber(
      module, "Subscriber", nb::type_slots(kSlots),
      "The receiving side of a topic, made by Topic.subscriber(). One thread at a time: a second "
      "one waits its turn, at most some 10 ms. Iterating takes messages for ever, and ends when "
      "the topic is removed; `async for` does the same without a thread. Messages may outlive it.");
  subscriber
      .def("latest", &latest, nb::sig("def latest(self) -> Message | None"),
           "The newest message, skipping those before it, which is no loss; None when there is no "
           "new one. Never waits.")
      .def_prop_ro("next_sequence", &number<tow_subscriber_next_sequence>,
                   "Sequence of the next message to take.")
      .def_prop_ro("start_sequence", &number<tow_subscriber_start_sequence>,
                   "Sequence of the first message that it could take.")
      .def_prop_ro("lag", &number<tow_subscriber_lag>, "Messages that are there and not taken.")
      .def_prop_ro("received", &number<tow_subscriber_received>, "Messages taken.")
      .def_prop_ro("lost", &number<tow_subscriber_lost>, "Messages that a lossy subscriber missed.")
      .def_prop_ro("gaps", &number<tow_subscriber_gaps>, "Runs of messages that it missed.");
  bind_closing(subscriber);
}

}  // namespace tow::python
