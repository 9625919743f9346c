#pragma once
/// What Message, Delivery and Request have for reading: the payload in place, and attributes.

#include <nanobind/nanobind.h>

#include "arguments.hpp"
#include "attributes.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "family.hpp"
#include "towpath/towpath.h"
#include "value_type.hpp"

namespace tow::python {

/// The base of what Python reads. Exports the payload as a read-only buffer, which keeps the object
/// alive, and with it the memory. Reading touches the message alone, so it needs no turn.
struct Reading {
  Reading(const tow_message* of, Family* of_family, const ValueType* of_type, const char* name)
      : message(of), family(of_family), type(of_type), what(name) {
    family->keep();
  }
  Reading(const Reading&) = delete;
  ~Reading() { family->let_go(); }

  /// Raises ValueError when it was released, RuntimeError in a forked child.
  const tow_message* get() const {
    if (message != nullptr && !family->inherited()) [[likely]]
      return message;
    refuse();
  }
  tow_view payload() const { return tow_message_payload(get()); }
  /// Raises BufferError while there are views of it.
  void check_unviewed() const;
  [[noreturn]] void refuse() const;

  const tow_message* message;  ///< null: released
  Family* family;              ///< that it came from; kept
  const ValueType* type;       ///< of a typed topic, and part of the family; else null
  const char* what;            ///< its name in errors, for example "message"
  Py_ssize_t views = 0;        ///< buffers of it that others have
};

/// What bf_getbuffer returns, or an exception.
int export_payload(PyObject* self, Reading& of, Py_buffer* view, int flags);

/// The slots of a class T that derives from Reading: the buffer protocol and len(). More may follow
/// them, up to the final {0, nullptr}.
template <class T>
struct ReadingSlots {
  static int get_buffer(PyObject* self, Py_buffer* view, int flags) {
    view->obj = nullptr;
    return guarded(-1, [&] { return export_payload(self, object_of<T>(self), view, flags); });
  }
  static void release_buffer(PyObject* self, Py_buffer*) { --nb::inst_ptr<T>(self)->views; }
  static Py_ssize_t length(PyObject* self) {
    return guarded(Py_ssize_t{-1},
                   [&] { return static_cast<Py_ssize_t>(object_of<T>(self).payload().bytes); });
  }
  static inline const PyType_Slot slots[] = {
      {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
      {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
      {Py_mp_length, reinterpret_cast<void*>(length)},
      {0, nullptr}};
};

/// What the properties below ask; `self` is the Python object of `of`.
nb::object reading_value(nb::handle self, const Reading& of);
nb::object reading_array(nb::handle self, const Reading& of, nb::handle dtype, nb::handle shape);
bool reading_has_tag(const Reading& of, nb::handle tag);
Headers reading_headers(const Reading& of);
nb::str reading_repr(const Reading& of, const char* type);

template <class T>
void bind_payload(nb::class_<T>& it) {
  it.def_prop_ro(
        "payload",
        [](nb::handle self) {
          PyObject* const view = PyMemoryView_FromObject(self.ptr());
          if (view == nullptr) raise_set();
          return nb::steal(view);
        },
        nb::sig("def payload(self) -> memoryview"),
        "The payload in place, as a read-only memoryview that keeps it alive.")
      .def_prop_ro(
          "text", [](const T& self) { return text_of(self.payload()); },
          "The payload as text: UTF-8, with surrogateescape for other bytes.")
      .def_prop_ro(
          "value", [](nb::pointer_and_handle<T> self) { return reading_value(self.h, *self.p); },
          "A copy of the payload: of a typed topic a NumPy scalar or record (or an instance of its "
          "ctypes.Structure), else bytes.")
      .def(
          "array",
          [](nb::pointer_and_handle<T> self, nb::handle dtype, nb::handle shape) {
            return reading_array(self.h, *self.p, dtype, shape);
          },
          nb::arg("dtype") = nb::none(), nb::arg("shape") = nb::none(),
          nb::sig("def array(self, dtype: object = None, shape: object = None) -> numpy.ndarray"),
          "The payload in place, as a read-only array that keeps it alive. `dtype`: None for the "
          "topic's, or bytes (uint8); `shape`: None for one dimension. Raises ImportError without "
          "NumPy.");
}

template <class T>
void bind_attributes(nb::class_<T>& it) {
  const auto text = [&]<tow_view (*ask)(const tow_message*)>() {
    return [](const T& self) { return text_of(ask(self.get())); };
  };
  it.def_prop_ro(
        "sequence", [](const T& self) { return tow_message_sequence(self.get()); },
        "Its number in the topic, from 1, without gaps.")
      .def_prop_ro(
          "missed", [](const T& self) { return tow_message_missed(self.get()); },
          "Messages that this lossy subscriber missed right before this one.")
      .def_prop_ro(
          "key", [](const T& self) { return bytes_of(tow_message_key(self.get())); },
          "What it is about, as bytes; b\"\" without one.")
      .def_prop_ro(
          "tag_hash", [](const T& self) { return tow_message_tag_hash(self.get()); },
          "The hash of its tag; 0 without one. The tag itself does not travel.")
      .def(
          "has_tag", [](const T& self, nb::handle tag) { return reading_has_tag(self, tag); },
          nb::arg("tag"), nb::sig("def has_tag(self, tag: str | bytes) -> bool"),
          "Whether it was published with this tag (another passes once in 2^64).")
      .def_prop_ro(
          "expires_at",
          [](const T& self) { return point_of(tow_message_expires_at_ns(self.get())); },
          nb::sig("def expires_at(self) -> float | None"),
          "When it is worth nothing any more, in seconds of time.monotonic(); None: never.")
      .def_prop_ro(
          "expired", [](const T& self) { return tow_message_expired(self.get()); },
          "Whether its time to live has passed.")
      .def_prop_ro(
          "due_at", [](const T& self) { return point_of(tow_message_due_at_ns(self.get())); },
          nb::sig("def due_at(self) -> float | None"),
          "From when on groups see it, in seconds of time.monotonic(); None: at once.")
      .def_prop_ro(
          "priority", [](const T& self) { return tow_message_priority(self.get()); },
          "0 to 7, the most urgent.")
      .def_prop_ro(
          "correlation_id",
          [](const T& self) { return bytes_of(tow_message_correlation_id(self.get())); },
          "What ties a reply to its request, as bytes; b\"\" without one.")
      .def_prop_ro("reply_topic", text.template operator()<tow_message_reply_topic>(),
                   "Where an answer is expected; \"\" for nowhere.")
      .def_prop_ro("content_type", text.template operator()<tow_message_content_type>(),
                   "For example \"application/json\"; \"\" when nothing was said.")
      .def_prop_ro(
          "headers", [](const T& self) { return dict_of(reading_headers(self).get()); },
          nb::sig("def headers(self) -> dict[str, HeaderValue]"),
          "Its headers; the first of a name counts. Decoded at each call: keep what it returns.")
      .def_prop_ro(
          "header_items", [](const T& self) { return items_of(reading_headers(self).get()); },
          nb::sig("def header_items(self) -> list[tuple[str, HeaderValue]]"),
          "All headers in their order, as pairs.");
}

/// Gives a class what it has for reading. T derives from Reading.
template <class T>
void bind_reading(nb::class_<T>& it) {
  bind_payload(it);
  bind_attributes(it);
}

/// A new Python object of the bound class T, made in place.
template <class T, class... Arguments>
nb::object make(Arguments&&... arguments) {
  static const nb::handle type = nb::type<T>();
  nb::object self = nb::inst_alloc(type);
  new (nb::inst_ptr<void>(self)) T(std::forward<Arguments>(arguments)...);
  nb::inst_mark_ready(self);
  return self;
}

}  // namespace tow::python
