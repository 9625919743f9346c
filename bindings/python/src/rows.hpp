#pragma once
/// Batches that lie in memory one payload after the other.

#include <nanobind/nanobind.h>

#include "value_type.hpp"

namespace tow::python {

/// The rows of an array (anything with a buffer of one dimension or more; not bytes), each of which
/// is a payload. False for anything else.
class Rows {
 public:
  /// `type`: of a typed topic, or null. Raises BufferError for memory that is not contiguous.
  Rows(PyObject* payloads, const ValueType* type);
  Rows(const Rows&) = delete;
  ~Rows() {
    if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
  }
  explicit operator bool() const { return buffer_.obj != nullptr; }
  const void* data() const { return buffer_.buf; }
  std::size_t count() const { return static_cast<std::size_t>(buffer_.shape[0]); }
  std::size_t bytes() const { return static_cast<std::size_t>(buffer_.len) / count(); }

 private:
  nb::object array_;
  Py_buffer buffer_{};
};

}  // namespace tow::python
