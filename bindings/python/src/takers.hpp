#pragma once
/// The methods of what gives one thing after the other: subscribers, consumers, servers.

#include "arguments.hpp"
#include "convert.hpp"
#include "errors.hpp"

namespace tow::python {

/// take(timeout), try_take() and iteration of a class T. `take_one(self, timeout_ns)` gives None
/// when nothing came.
template <class T, nb::object (*take_one)(T&, std::int64_t)>
struct TakingMethods {
  static PyObject* take(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                        PyObject* names) {
    return guarded<PyObject*>(nullptr, [&] {
      static constexpr const char* kParameters[] = {"timeout"};
      PyObject* given[] = {Py_None};
      place_arguments("take", kParameters, arguments, count, names, given);
      return take_one(object_of<T>(self), ns_of(given[0])).release().ptr();
    });
  }
  static PyObject* try_take(PyObject* self, PyObject*) {
    return guarded<PyObject*>(nullptr,
                              [&] { return take_one(object_of<T>(self), 0).release().ptr(); });
  }
  /// Waits for ever; ends when what it reads is removed.
  static PyObject* next(PyObject* self) {
    return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
      try {
        return take_one(object_of<T>(self), TOW_FOREVER).release().ptr();
      } catch (nb::python_error& error) {
        if (!error.matches(error_class(TOW_REMOVED))) throw;
        return nullptr;
      }
    });
  }
};

/// The parameters max and timeout, which batches have.
struct Batch {
  Batch(const char* function, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
    static constexpr const char* kParameters[] = {"max", "timeout"};
    constexpr std::size_t kMost = 1 << 20;
    PyObject* given[] = {nullptr, Py_None};
    place_arguments(function, kParameters, arguments, count, names, given);
    if (given[0] != nullptr) max = unsigned_of(given[0], "max");
    if (max > kMost) raise(PyExc_ValueError, "a batch is of at most %zu messages", kMost);
    timeout_ns = ns_of(given[1]);
  }
  std::size_t max = 64;
  std::int64_t timeout_ns;
};

}  // namespace tow::python
