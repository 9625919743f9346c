#include "arguments.hpp"
#include "attributes.hpp"
#include "bind.hpp"
#include "convert.hpp"
#include "exchange.hpp"

namespace tow::python {

void ExchangePublisherFamily::publish(const char* routing_key, const void* data, std::size_t bytes,
                                      const tow_attributes* attributes, std::size_t& reached) {
  const auto mine = [&] { return unfinished_ == &reached; };
  tow_code code = TOW_NOTHING;
  try {
    code = wait(longest_wait_ns_, [&](std::int64_t slice_ns) {
      if (unfinished_ != nullptr && !mine()) return TOW_NOTHING;
      tow_code done = TOW_TIMED_OUT;
      if (!mine()) {
        done = tow_exchange_publish(handle, routing_key, data, bytes, attributes, &reached);
        unfinished_ = &reached;
      }
      // What was full is asked again, so that no other queue gets it twice.
      if (done != TOW_TIMED_OUT || slice_ns == 0) return done;
      return tow_exchange_publish_rest(handle, data, bytes, slice_ns, &reached);
    });
  } catch (...) {
    if (mine()) unfinished_ = nullptr;
    throw;
  }
  if (mine()) unfinished_ = nullptr;
  if (code == TOW_NOTHING) {
    raise(error_class(TOW_TIMED_OUT), "another thread waited with this publisher all the time");
  }
  check(code);
}

namespace {

PyObject* publish(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  return guarded<PyObject*>(nullptr, [&] {
    if (count != 2) {
      raise(PyExc_TypeError, "publish() takes a routing key and a payload, and attributes by name");
    }
    ExchangePublisherFamily& family = *object_of<ExchangePublisher>(self);
    nb::object kept;
    const tow_view key = view_of(arguments[0], "a routing key", kept);
    const std::string routing_key(static_cast<const char*>(key.data), key.bytes);
    const Payload payload(arguments[1]);
    Attributes attributes;
    attributes.take_all("publish", names, arguments + 2);
    std::size_t reached = 0;
    try {
      family.publish(c_text(routing_key), payload.data(), payload.bytes(), attributes.get(),
                     reached);
    } catch (nb::python_error& error) {
      raise_with(error, "reached", nb::int_(reached));
    }
    return nb::int_(reached).release().ptr();
  });
}

std::uint64_t dropped(const ExchangePublisher& self) {
  self->begin();
  return tow_exchange_publisher_dropped(self->handle);
}

PyMethodDef methods[] = {
    fast_method("publish", publish,
                "publish($self, routing_key, payload, /, **attributes)\n--\n\n"
                "Appends the message to every queue that the exchange's bindings name, to each "
                "once, and returns how many got it; 0 is no error unless asked for (mandatory). "
                "`routing_key`: str or bytes, at most 255 bytes. Payload and attributes as of "
                "Publisher.publish(). With an error the message may be in some queues all the "
                "same: its `reached` says how many, also when a signal handler raises. Raises "
                "Unroutable, Full, TimedOut, TooLarge, TypeMismatch, TooMany, PublisherExists, "
                "NoPermission (of a queue), Removed, Corrupt (of the exchange), InvalidArgument, "
                "Stale."),
    {nullptr, nullptr, 0, nullptr}};

const PyType_Slot kSlots[] = {{Py_tp_methods, static_cast<void*>(methods)}, {0, nullptr}};

}  // namespace

void bind_exchange_publisher(nb::module_& module) {
  nb::class_<ExchangePublisher> publisher(
      module, "ExchangePublisher", nb::type_slots(kSlots),
      "Publishes to the queues that an exchange's bindings name, made by Exchange.publisher(). It "
      "becomes a publisher of a queue with the first message that goes there. One thread at a "
      "time: a second one waits until the message of the first is where it goes.");
  publisher.def_prop_ro("dropped", &dropped,
                        "Messages given up for a full queue (when_full=\"drop\"), each queue "
                        "counted.");
  bind_closing(publisher);
}

}  // namespace tow::python
