#include "errors.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>

#include "bind.hpp"
#include "convert.hpp"

namespace tow::python {
namespace {

constexpr int kCodes = TOW_CANCELLED + 1;
/// The exception class of each code. Kept for ever: the classes outlive the module that made them.
std::array<PyObject*, kCodes> classes{};

}  // namespace

PyObject* error_class(tow_code code) {
  const auto number = static_cast<std::size_t>(code);
  const bool known = number < classes.size() && classes[number] != nullptr;
  return known ? classes[number] : PyExc_SystemError;
}

void raise(tow_code code) {
  PyObject* const type = error_class(code);
  const std::int32_t os_errno = tow_error_errno();  // before anything else can fail
  const nb::object error = nb::handle(type)(text_of(tow_error_text()), os_errno);
  PyErr_SetObject(type, error.ptr());
  raise_set();
}

void raise(PyObject* type, const char* format, ...) {
  std::array<char, 1024> text{};
  va_list values;
  va_start(values, format);
  std::vsnprintf(text.data(), text.size(), format, values);
  va_end(values);
  PyErr_SetString(type, text.data());
  raise_set();
}

void raise_with(nb::python_error& error, const char* attribute, nb::handle value) {
  error.restore();
  PyObject *type = nullptr, *object = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &object, &trace);
  PyErr_NormalizeException(&type, &object, &trace);
  if (PyObject_SetAttrString(object, attribute, value.ptr()) != 0) PyErr_Clear();
  PyErr_Restore(type, object, trace);
  raise_set();
}

void set_by_exception() noexcept {
  try {
    throw;
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const nb::builtin_exception& error) {
    PyErr_SetString(PyExc_TypeError, error.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

void bind_errors() {
  const nb::dict by_code(nb::module_::import_("towpath.errors").attr("CLASSES"));
  for (auto [code, type] : by_code) {
    classes.at(static_cast<std::size_t>(nb::cast<int>(code))) = type.inc_ref().ptr();
  }
}

}  // namespace tow::python
