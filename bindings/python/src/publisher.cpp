#include "publisher.hpp"

#include "arguments.hpp"
#include "attributes.hpp"
#include "bind.hpp"
#include "convert.hpp"
#include "rows.hpp"

namespace tow::python {

void PublisherFamily::unpin() {
  if (--pins_ == 0 && closed() && !inherited()) tow_publisher_close(handle);
}

void PublisherFamily::refuse(tow_code code) {
  if (code == TOW_NOTHING) {
    raise(error_class(TOW_TIMED_OUT), "another thread waited with this publisher all the time");
  }
  raise(code);
}

namespace {

void publish_one(PublisherFamily& family, PyObject* given, const tow_attributes* attributes) {
  const nb::object object = exporter_of(family.type.get(), given);
  const Payload payload(object.ptr());
  family.publish(
      [&] { return tow_publish(family.handle, payload.data(), payload.bytes(), attributes); });
}

PyObject* publish(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  return guarded<PyObject*>(nullptr, [&] {
    if (count != 1) raise(PyExc_TypeError, "publish() takes one payload, and attributes by name");
    PublisherFamily& family = *object_of<Publisher>(self);
    Attributes attributes;
    attributes.take_all("publish", names, arguments + 1);
    publish_one(family, arguments[0], attributes.get());
    return nb::none().release().ptr();
  });
}

void publish_rows(PublisherFamily& family, const Rows& rows, const tow_attributes* attributes,
                  std::size_t& published) {
  const auto* const data = static_cast<const std::byte*>(rows.data());
  family.publish([&] {
    std::size_t now = 0;
    const tow_code code =
        tow_publish_batch(family.handle, data + published * rows.bytes(), rows.bytes(),
                          rows.count() - published, attributes, &now);
    published += now;
    return code;
  });
}

void publish_each(PublisherFamily& family, nb::handle payloads, const tow_attributes* attributes,
                  std::size_t& published) {
  if (attributes != nullptr && attributes->number != 0) {
    raise(error_class(TOW_INVALID_ARGUMENT),
          "the attribute number is that of one message; publish these one by one");
  }
  try {
    for (const nb::handle payload : payloads) {
      publish_one(family, payload.ptr(), attributes);
      ++published;
    }
  } catch (nb::python_error& error) {
    // As C does with rows: a full topic ends a batch, and only an empty one is an error.
    if (published == 0 || !error.matches(error_class(TOW_FULL))) throw;
  }
}

PyObject* publish_batch(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                        PyObject* names) {
  return guarded<PyObject*>(nullptr, [&] {
    if (count != 1) {
      raise(PyExc_TypeError, "publish_batch() takes one batch, and attributes by name");
    }
    PublisherFamily& family = *object_of<Publisher>(self);
    family.begin();
    Attributes attributes;
    attributes.take_all("publish_batch", names, arguments + 1);
    std::size_t published = 0;
    try {
      const Rows rows(arguments[0], family.type.get());
      if (!rows) {
        publish_each(family, arguments[0], attributes.get(), published);
      } else if (rows.count() != 0) {
        publish_rows(family, rows, attributes.get(), published);
      }
    } catch (nb::python_error& error) {
      raise_with(error, "published", nb::int_(published));
    }
    return nb::int_(published).release().ptr();
  });
}

template <std::uint64_t (*ask)(const tow_publisher*)>
std::uint64_t number(const Publisher& self) {
  self->begin();
  return ask(self->handle);
}

PyMethodDef methods[] = {
    fast_method("publish", publish,
                "publish($self, payload, /, **attributes)\n--\n\n"
                "Publishes a copy of `payload` (bytes-like, or str as UTF-8; of a typed topic also "
                "what makes a value of its dtype). Every subscriber can see it on return. "
                "Attributes: key, tag, correlation_id, reply_topic, content_type (str or bytes), "
                "time_to_live, delay (seconds), priority (0 to 7), headers (a mapping or pairs of "
                "name and value), number (of a producer). Raises Full, TimedOut (as the "
                "publisher's when_full says), TooLarge, TypeMismatch, InvalidArgument, Removed, "
                "Stale."),
    fast_method("publish_batch", publish_batch,
                "publish_batch($self, payloads, /, **attributes)\n--\n\n"
                "Publishes all in order and returns how many went out. `payloads`: an array, of "
                "which each row is a message, by one call of C; or any iterable of payloads. The "
                "attributes are those of each. Not atomic: others may publish between. With "
                "when_full=\"fail\" a full topic ends the batch. Raises as publish(); an error's "
                "`published` says how many had gone out before."),
    {nullptr, nullptr, 0, nullptr}};

const PyType_Slot kSlots[] = {{Py_tp_methods, static_cast<void*>(methods)}, {0, nullptr}};

}  // namespace

void bind_publisher(nb::module_& module) {
  nb::class_<Publisher> publisher(
      module, "Publisher", nb::type_slots(kSlots),
      "The sending side of a topic, made by Topic.publisher(). One thread at a time: a second one "
      "waits its turn, at most some 10 ms.");
  publisher
      .def("loan", &lend, nb::arg("bytes") = nb::none(), nb::kw_only(),
           nb::arg("dtype") = nb::none(), nb::arg("shape") = nb::none(),
           nb::sig("def loan(self, bytes: int | None = None, *, dtype: object = None, shape: "
                   "object = None) -> Loan"),
           "Memory for one message, to be written in place and published. Its size is `bytes`, or "
           "that of an array of `dtype` (None: the topic's, or bytes) and `shape`; without any, "
           "that of the topic's type. Waits for memory as publish() does for room. Raises "
           "TooLarge, TypeMismatch, Full, TimedOut.")
      .def_prop_ro("last_sequence", &number<tow_publisher_last_sequence>,
                   "Sequence of the last message published through it; 0 before the first in a "
                   "topic of many publishers.")
      .def_prop_ro("dropped", &number<tow_publisher_dropped>,
                   "Messages that it gave up (when_full=\"drop\").")
      .def_prop_ro("last_number", &number<tow_publisher_last_number>,
                   "Highest number of its producer that is out, also from before a crash; 0 before "
                   "the first.")
      .def_prop_ro("duplicates", &number<tow_publisher_duplicates>,
                   "Messages that it did not publish, because their number was out already.");
  bind_closing(publisher);
}

}  // namespace tow::python
