#pragma once
/// What a typed topic carries, as Python knows it: a NumPy dtype or a ctypes.Structure.

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <string>

#include "towpath/towpath.h"

namespace tow::python {

namespace nb = nanobind;

/// numpy's function or class of that name. Raises ImportError, which says what needs NumPy.
nb::object numpy(const char* name);

/// A type of fixed size. One object serves a topic and all that comes from it.
class ValueType {
 public:
  /// Of a dtype argument: None (bytes of any length) gives null. `name` is the type's name in C++;
  /// null: found out, for fundamental types and ctypes.Structures. Raises TypeError for what cannot
  /// travel, ValueError where a name is needed.
  static std::shared_ptr<const ValueType> of(nb::handle dtype, const char* name);

  tow_type c_type() const { return {name_.c_str(), bytes_, align_}; }
  std::size_t bytes() const { return bytes_; }
  /// The numpy.dtype. Raises ImportError without NumPy.
  nb::object dtype() const;

  /// Something with a buffer of one value (or of many), made of what a program publishes; the
  /// object itself if it is one.
  nb::object exporter_of(nb::handle given) const;
  /// A copy of the value that `exporter` shows: a NumPy scalar or record, or a ctypes.Structure.
  nb::object value_of(nb::handle exporter) const;

 private:
  void describe_structure(nb::handle structure, const char* name);
  void describe_dtype(nb::object dtype, const char* name);

  std::string name_;
  std::uint32_t bytes_ = 0;
  std::uint32_t align_ = 1;
  nb::object dtype_;      ///< null: of a ctypes.Structure for which nobody asked yet
  nb::object structure_;  ///< the ctypes.Structure; null: a dtype
};

/// What the payload of a message is read from; `type` may be null, for bytes of any length.
inline nb::object exporter_of(const ValueType* type, nb::handle given) {
  if (type == nullptr || PyBytes_CheckExact(given.ptr())) return nb::borrow(given);
  return type->exporter_of(given);
}

/// `exporter` as an array of that dtype and shape, in place. dtype None: the topic's, or bytes.
nb::object array_of(nb::handle exporter, const ValueType* type, nb::handle dtype, nb::handle shape);

}  // namespace tow::python
