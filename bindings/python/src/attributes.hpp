#pragma once
/// The attributes of messages, which are keyword arguments of every call that publishes.

#include <nanobind/nanobind.h>

#include <memory>
#include <optional>
#include <vector>

#include "towpath/towpath.h"

namespace tow::python {

namespace nb = nanobind;

struct FreeHeaders {
  void operator()(tow_headers* headers) const { tow_headers_free(headers); }
};
using Headers = std::unique_ptr<tow_headers, FreeHeaders>;

/// Of a mapping, or of a sequence of (name, value); values are None, bool, int, float, str, bytes.
Headers headers_of(nb::handle items);
/// All of them, in their order, as a list of (name, value).
nb::list items_of(const tow_headers* headers);
/// The same as a dict; the first of a name counts.
nb::dict dict_of(const tow_headers* headers);

/// Attributes as Python gave them. Their texts lie in the arguments, which must outlive it.
class Attributes {
 public:
  Attributes() = default;
  Attributes(const Attributes&) = delete;

  /// Takes a keyword argument; false when it is no attribute. Raises for a bad value.
  bool take(PyObject* name, PyObject* value);
  /// Takes all of the keyword arguments of a vectorcall. Raises TypeError for what is no attribute.
  void take_all(const char* function, PyObject* names, PyObject* const* values) {
    if (names != nullptr) [[unlikely]]
      take_each(function, names, values);
  }
  /// The same for a function that is bound with nb::kwargs.
  void take_all(const char* function, const nb::kwargs& named);

  /// Null when there are none.
  const tow_attributes* get() const { return given_ ? &*given_ : nullptr; }

 private:
  void take_each(const char* function, PyObject* names, PyObject* const* values);
  void take_text(PyObject* value, const char* what, tow_view& view);
  tow_attributes& given();

  std::optional<tow_attributes> given_;
  Headers headers_;
  std::vector<nb::object> kept_;
};

/// Makes the names of attributes that take() compares with; once, when the module is imported.
void make_attribute_names();

}  // namespace tow::python
