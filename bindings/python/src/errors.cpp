#include "errors.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "bind.hpp"
#include "convert.hpp"

namespace tow::python {
namespace {

constexpr int kCodes = TOW_CANCELLED + 1;
/// The exception class of each code. Kept for ever: the classes outlive the module that made them.
std::array<PyObject*, kCodes> classes{};

}  // namespace

void raise(tow_code code) {
  const int number = code;
  PyObject* const type =
      number > 0 && number < kCodes ? classes[static_cast<std::size_t>(number)] : PyExc_SystemError;
  const std::int32_t number_of_system = tow_error_errno();  // before anything else can fail
  const nb::object error = nb::handle(type)(text_of(tow_error_text()), number_of_system);
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

void set_by_exception() noexcept {
  try {
    throw;
  } catch (nb::python_error& error) {
    error.restore();
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
