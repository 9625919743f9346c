#include "reading.hpp"

namespace tow::python {

void Reading::refuse() const {
  if (family->inherited()) {
    raise(PyExc_RuntimeError, "this %s came before the fork, and is its parent's", what);
  }
  raise(PyExc_ValueError, "this %s is released", what);
}

void Reading::check_unviewed() const {
  if (views == 0) [[likely]]
    return;
  raise(PyExc_BufferError,
        "this %s cannot be released while there are views of it (a memoryview or an array)", what);
}

int export_payload(PyObject* self, Reading& of, Py_buffer* view, int flags) {
  const tow_view payload = of.payload();
  // A buffer of no bytes needs an address, too.
  void* const data = const_cast<void*>(payload.data != nullptr ? payload.data : &of);
  const auto bytes = static_cast<Py_ssize_t>(payload.bytes);
  if (PyBuffer_FillInfo(view, self, data, bytes, 1, flags) != 0) return -1;
  ++of.views;
  return 0;
}

nb::object reading_value(nb::handle self, const Reading& of) {
  if (of.type != nullptr) return of.type->value_of(self);
  return bytes_of(of.payload());
}

nb::object reading_array(nb::handle self, const Reading& of, nb::handle dtype, nb::handle shape) {
  return array_of(self, of.type, dtype, shape);
}

bool reading_has_tag(const Reading& of, nb::handle tag) {
  nb::object kept;
  return tow_message_has_tag(of.get(), view_of(tag.ptr(), "a tag", kept));
}

Headers reading_headers(const Reading& of) {
  tow_headers* headers = nullptr;
  check(tow_message_headers(of.get(), &headers));
  return Headers(headers);
}

nb::str reading_repr(const Reading& of, const char* type) {
  std::string text = std::string("<") + type;
  if (of.message == nullptr) {
    text += ", released>";
  } else if (of.family->inherited()) {
    text += " of the parent process>";
  } else {
    text += " " + std::to_string(tow_message_sequence(of.message)) + " of " +
            std::to_string(tow_message_payload(of.message).bytes) + " bytes>";
  }
  return nb::str(text.c_str());
}

}  // namespace tow::python
