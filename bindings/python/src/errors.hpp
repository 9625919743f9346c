#pragma once
/// Errors of the C library as Python exceptions, and exceptions on their way back to Python.

#include <nanobind/nanobind.h>

#include "towpath/towpath.h"

namespace tow::python {

namespace nb = nanobind;

/// Throws the exception class of `code` (towpath.errors) with the text and errno of this thread's
/// last failure. Needs the GIL.
[[noreturn]] void raise(tow_code code);

/// The exception class of a code. Borrowed.
PyObject* error_class(tow_code code);

/// Raises unless it is TOW_OK.
inline void check(tow_code code) {
  if (code != TOW_OK) [[unlikely]]
    raise(code);
}

/// Throws a Python exception of that type.
[[noreturn]] void raise(PyObject* type, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

/// Throws that exception again, with one more attribute.
[[noreturn]] void raise_with(nb::python_error& error, const char* attribute, nb::handle value);

/// Throws the Python exception that is set.
[[noreturn]] inline void raise_set() { throw nb::python_error(); }

/// For C functions that Python calls: sets the Python exception that is being handled. Within a
/// catch block.
void set_by_exception() noexcept;

/// Runs `body`, and turns what it throws into `failed` with a Python exception set.
template <class Result, class Body>
Result guarded(Result failed, const Body& body) {
  try {
    return body();
  } catch (const nb::python_error&) {
    set_by_exception();
  } catch (const std::exception&) {
    set_by_exception();
  }
  return failed;
}

}  // namespace tow::python
