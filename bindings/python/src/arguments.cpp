#include "arguments.hpp"

namespace tow::python {

void place_arguments(const char* function, const char* const* parameters,
                     std::size_t parameter_count, PyObject* const* arguments, Py_ssize_t count,
                     PyObject* names, PyObject** places) {
  if (static_cast<std::size_t>(count) > parameter_count) {
    raise(PyExc_TypeError, "%s() takes at most %zu arguments, not %zd", function, parameter_count,
          count);
  }
  for (Py_ssize_t i = 0; i < count; ++i) places[i] = arguments[i];
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(names, i);
    std::size_t which = 0;
    while (which < parameter_count &&
           PyUnicode_CompareWithASCIIString(name, parameters[which]) != 0) {
      ++which;
    }
    if (which == parameter_count) {
      raise(PyExc_TypeError, "%s() has no argument '%s'", function, PyUnicode_AsUTF8(name));
    }
    if (which < static_cast<std::size_t>(count)) {
      raise(PyExc_TypeError, "%s() got '%s' twice", function, parameters[which]);
    }
    places[which] = arguments[count + i];
  }
}

}  // namespace tow::python
