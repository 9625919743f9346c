#include "rows.hpp"

#include "errors.hpp"

namespace tow::python {

Rows::Rows(PyObject* payloads, const ValueType* type) {
  if (PyBytes_Check(payloads) || PyByteArray_Check(payloads) || PyUnicode_Check(payloads)) {
    raise(PyExc_TypeError, "a batch is an array or an iterable of payloads; publish() takes one");
  }
  if (!PyObject_CheckBuffer(payloads)) return;
  array_ = type != nullptr ? type->exporter_of(payloads) : nb::borrow(payloads);
  if (PyObject_GetBuffer(array_.ptr(), &buffer_, PyBUF_ND | PyBUF_FORMAT) != 0) raise_set();
  if (buffer_.ndim > 0) return;
  PyBuffer_Release(&buffer_);
  raise(PyExc_TypeError,
        "a batch is an array of at least one dimension; publish() takes one value");
}

}  // namespace tow::python
