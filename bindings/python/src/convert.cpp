#include "convert.hpp"

#include <algorithm>
#include <cmath>

#include "errors.hpp"

namespace tow::python {

void Payload::view(PyObject* object) {
  if (PyUnicode_Check(object)) {
    Py_ssize_t size = 0;
    data_ = PyUnicode_AsUTF8AndSize(object, &size);
    if (data_ == nullptr) raise_set();
    bytes_ = static_cast<std::size_t>(size);
    return;
  }
  if (!PyObject_CheckBuffer(object)) {
    raise(PyExc_TypeError, "a payload is bytes-like or str, not %.200s", Py_TYPE(object)->tp_name);
  }
  if (PyObject_GetBuffer(object, &buffer_, PyBUF_SIMPLE) != 0) raise_set();
  data_ = buffer_.buf;
  bytes_ = static_cast<std::size_t>(buffer_.len);
}

Memory::Memory(PyObject* object) {
  if (PyObject_GetBuffer(object, &buffer_, PyBUF_WRITABLE) != 0) raise_set();
}

std::int64_t ns_of(PyObject* seconds) {
  if (seconds == Py_None) return TOW_FOREVER;
  const double value = PyFloat_AsDouble(seconds);
  if (value == -1 && PyErr_Occurred() != nullptr) raise_set();
  if (std::isnan(value)) raise(PyExc_ValueError, "a duration is a number of seconds, not nan");
  if (value <= 0) return 0;
  const double ns = std::ceil(value * 1e9);
  return ns >= 0x1p63 ? TOW_FOREVER : static_cast<std::int64_t>(ns);
}

nb::object seconds_of(std::int64_t ns) {
  if (ns == TOW_FOREVER) return nb::none();
  return nb::float_(seconds_of_ns(static_cast<double>(ns)));
}

nb::object point_of(std::uint64_t at_ns) {
  if (at_ns == 0) return nb::none();
  return nb::float_(seconds_of_ns(static_cast<double>(at_ns)));
}

tow_view view_of(PyObject* text, const char* what, nb::object& kept) {
  if (PyBytes_Check(text)) {
    return {PyBytes_AS_STRING(text), static_cast<std::size_t>(PyBytes_GET_SIZE(text))};
  }
  if (!PyUnicode_Check(text)) {
    raise(PyExc_TypeError, "%s is str or bytes, not %.200s", what, Py_TYPE(text)->tp_name);
  }
  Py_ssize_t size = 0;
  const char* const data = PyUnicode_AsUTF8AndSize(text, &size);
  if (data != nullptr) return {data, static_cast<std::size_t>(size)};
  PyErr_Clear();
  kept = nb::steal(PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape"));
  if (!kept.is_valid()) raise_set();
  return {PyBytes_AS_STRING(kept.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(kept.ptr()))};
}

nb::bytes bytes_of(tow_view view) { return nb::bytes(view.data, view.bytes); }

nb::str text_of(tow_view view) {
  PyObject* const text = PyUnicode_DecodeUTF8(
      static_cast<const char*>(view.data), static_cast<Py_ssize_t>(view.bytes), "surrogateescape");
  if (text == nullptr) raise_set();
  return nb::steal<nb::str>(text);
}

nb::str text_of(const char* text) { return text_of(tow_text(text)); }

nb::list list_of(const tow_names* names) {
  nb::list list;
  for (std::size_t i = 0; i < names->count; ++i) list.append(text_of(names->names[i]));
  tow_names_free(names);
  return list;
}

std::uint64_t unsigned_of(PyObject* number, const char* what) {
  const nb::object whole = nb::steal(PyNumber_Index(number));
  if (!whole.is_valid()) raise_set();
  const unsigned long long value = PyLong_AsUnsignedLongLong(whole.ptr());
  if (value == static_cast<unsigned long long>(-1) && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    raise(PyExc_OverflowError, "%s is a number from 0 to 2^64 - 1", what);
  }
  return value;
}

std::uint32_t unsigned_32_of(nb::handle number, const char* what) {
  const std::uint64_t value = unsigned_of(number.ptr(), what);
  if (value > UINT32_MAX) raise(PyExc_OverflowError, "%s is below 2^32", what);
  return static_cast<std::uint32_t>(value);
}

bool truth_of(nb::handle value) {
  const int truth = PyObject_IsTrue(value.ptr());
  if (truth < 0) raise_set();
  return truth != 0;
}

const char* c_text(const std::string& text) {
  if (text.find('\0') != std::string::npos) {
    raise(PyExc_ValueError, "a name or a text with a zero byte in it");
  }
  return text.c_str();
}

std::size_t position_of(const char* what, std::string_view text, const char* const* texts,
                        std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) {
    if (text == texts[i]) return i;
    if (i != 0) all += ", ";
    all.append("'").append(texts[i]).append("'");
  }
  raise(PyExc_ValueError, "%s is one of %s, not '%s'", what, all.c_str(),
        std::string(text).c_str());
}

}  // namespace tow::python
