#pragma once
/// Methods that are called so often that they are C functions of Python's own kind
/// (METH_FASTCALL | METH_KEYWORDS), a fifth of the cost of a bound C++ function.

#include <nanobind/nanobind.h>

#include <array>
#include <cstddef>

#include "errors.hpp"

namespace tow::python {

/// A method for Py_tp_methods. `doc` begins with "name($self, ...)\n--\n\n", which gives inspect
/// its signature.
using FastMethod = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
inline PyMethodDef fast_method(const char* name, FastMethod method, const char* doc) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(method)),
          METH_FASTCALL | METH_KEYWORDS, doc};
}

/// Puts what such a method was given into the places of its parameters, by position or by name;
/// those that were not given stay as they are. Raises TypeError.
void place_arguments(const char* function, const char* const* parameters,
                     std::size_t parameter_count, PyObject* const* arguments, Py_ssize_t count,
                     PyObject* names, PyObject** places);

template <std::size_t N>
void place_arguments(const char* function, const char* const (&parameters)[N],
                     PyObject* const* arguments, Py_ssize_t count, PyObject* names,
                     PyObject* (&places)[N]) {
  place_arguments(function, parameters, N, arguments, count, names, places);
}

/// The C++ object of a Python object of a bound class. Raises ValueError for one that was never
/// made, which only `__new__` by hand gives.
template <class T>
T& object_of(PyObject* self) {
  if (!nb::inst_ready(self)) [[unlikely]]
    raise(PyExc_ValueError, "this object was never initialised");
  return *nb::inst_ptr<T>(self);
}

}  // namespace tow::python
