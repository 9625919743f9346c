#include "value_type.hpp"

#include <algorithm>
#include <string_view>

#include "errors.hpp"

namespace tow::python {
namespace {

struct Fundamental {
  char kind;
  int bytes;
  const char* name;
};
/// How gcc and clang name the fundamental types (tow::type_name), by kind and size of their dtypes.
constexpr Fundamental kFundamental[] = {{'b', 1, "bool"},
                                        {'i', 1, "signed char"},
                                        {'i', 2, "short int"},
                                        {'i', 4, "int"},
                                        {'i', 8, "long int"},
                                        {'u', 1, "unsigned char"},
                                        {'u', 2, "short unsigned int"},
                                        {'u', 4, "unsigned int"},
                                        {'u', 8, "long unsigned int"},
                                        {'f', 4, "float"},
                                        {'f', 8, "double"},
                                        {'f', 16, "long double"},
                                        {'c', 8, "std::complex<float>"},
                                        {'c', 16, "std::complex<double>"}};

constexpr std::uint32_t kMaxAlign = 16;

const char* fundamental_name(char kind, int bytes) {
  for (const Fundamental& one : kFundamental) {
    if (one.kind == kind && one.bytes == bytes) return one.name;
  }
  return nullptr;
}

/// The attribute `name` of the module ctypes.
nb::object ctypes(const char* name) { return nb::module_::import_("ctypes").attr(name); }

bool is_structure(nb::handle dtype) {
  if (!PyType_Check(dtype.ptr())) return false;
  // Who has made one has imported ctypes.
  const nb::object modules = nb::module_::import_("sys").attr("modules");
  return nb::cast<bool>(modules.attr("__contains__")("ctypes")) &&
         (nb::cast<bool>(
             nb::module_::import_("builtins")
                 .attr("issubclass")(dtype, nb::make_tuple(ctypes("Structure"), ctypes("Union")))));
}

/// The alignment that C++ gives a struct of these members, or 1 when they do not lie where C++
/// would put them: NumPy calls every structure packed that was not made with align=True.
std::uint32_t alignment_of(nb::handle dtype) {
  const nb::object names = dtype.attr("names");
  const nb::object subdtype = dtype.attr("subdtype");
  if (!subdtype.is_none()) return alignment_of(subdtype[0]);
  if (names.is_none()) return nb::cast<std::uint32_t>(dtype.attr("alignment"));
  std::uint32_t most = 1;
  for (const nb::handle name : names) {
    const nb::object field = dtype.attr("fields")[name];
    const std::uint32_t align = alignment_of(field[0]);
    if (nb::cast<std::uint32_t>(field[1]) % align != 0) return 1;
    most = std::max(most, align);
  }
  return nb::cast<std::uint32_t>(dtype.attr("itemsize")) % most == 0 ? most : 1;
}

bool is_raw_bytes(nb::handle given) {
  return PyBytes_Check(given.ptr()) || PyByteArray_Check(given.ptr()) ||
         PyMemoryView_Check(given.ptr());
}

}  // namespace

nb::object numpy(const char* name) {
  PyObject* const module = PyImport_ImportModule("numpy");
  if (module == nullptr) {
    if (PyErr_ExceptionMatches(PyExc_ModuleNotFoundError) == 0) raise_set();
    PyErr_Clear();
    raise(PyExc_ImportError,
          "this needs NumPy, which is not installed: pip install numpy, or towpath[numpy]");
  }
  return nb::steal(module).attr(name);
}

std::shared_ptr<const ValueType> ValueType::of(nb::handle dtype, const char* name) {
  if (dtype.is_none()) {
    if (name != nullptr) raise(PyExc_ValueError, "a type_name needs a dtype");
    return nullptr;
  }
  auto type = std::make_shared<ValueType>();
  if (is_structure(dtype)) {
    type->describe_structure(dtype, name);
  } else {
    type->describe_dtype(numpy("dtype")(dtype), name);
  }
  if (type->bytes_ == 0) raise(PyExc_TypeError, "a type of 0 bytes carries nothing");
  if (type->align_ > kMaxAlign) {
    raise(PyExc_TypeError, "payloads are aligned to %u bytes, and %s to %u", kMaxAlign,
          type->name_.c_str(), type->align_);
  }
  return type;
}

void ValueType::describe_structure(nb::handle structure, const char* name) {
  structure_ = nb::borrow(structure);
  name_ = name != nullptr ? name : nb::cast<std::string>(structure.attr("__name__"));
  bytes_ = nb::cast<std::uint32_t>(ctypes("sizeof")(structure));
  align_ = nb::cast<std::uint32_t>(ctypes("alignment")(structure));
}

void ValueType::describe_dtype(nb::object dtype, const char* name) {
  const std::string shown = nb::cast<std::string>(nb::str(dtype));
  if (nb::cast<bool>(dtype.attr("hasobject"))) {
    raise(PyExc_TypeError, "dtype %s holds Python objects, which mean nothing in another process",
          shown.c_str());
  }
  const auto kind = nb::cast<std::string>(dtype.attr("kind"));
  if (kind == "M" || kind == "m") {
    raise(PyExc_TypeError, "dtype %s has no buffer: use int64, and view() it", shown.c_str());
  }
  const bool is_native = nb::cast<bool>(dtype.attr("isnative"));
  if (!is_native) {
    raise(PyExc_TypeError, "dtype %s is not in this machine's byte order", shown.c_str());
  }
  bytes_ = nb::cast<std::uint32_t>(dtype.attr("itemsize"));
  align_ = alignment_of(dtype);
  if (name == nullptr) name = fundamental_name(kind.front(), static_cast<int>(bytes_));
  if (name == nullptr) {
    raise(PyExc_ValueError,
          "dtype %s needs a type_name: the name of the struct in C++, for example "
          "type_name=\"Tick\"",
          shown.c_str());
  }
  name_ = name;
  dtype_ = std::move(dtype);
}

nb::object ValueType::dtype() const {
  return dtype_.is_valid() ? dtype_ : numpy("dtype")(structure_);
}

nb::object ValueType::exporter_of(nb::handle given) const {
  if (is_raw_bytes(given)) return nb::borrow(given);
  if (structure_.is_valid()) {
    if (PyTuple_Check(given.ptr())) return structure_(*nb::borrow<nb::tuple>(given));
    return nb::borrow(given);
  }
  const bool has_type = nb::hasattr(given, "dtype");
  if (has_type && nb::object(given.attr("dtype")).equal(dtype_) &&
      PyObject_CheckBuffer(given.ptr())) {
    return nb::borrow(given);
  }
  return numpy("array")(given, dtype_);
}

nb::object ValueType::value_of(nb::handle exporter) const {
  if (structure_.is_valid()) return structure_.attr("from_buffer_copy")(exporter);
  const nb::object copy = nb::steal(PyBytes_FromObject(exporter.ptr()));
  if (!copy.is_valid()) raise_set();
  return numpy("frombuffer")(copy, dtype_)[0];
}

nb::object array_of(nb::handle exporter, const ValueType* type, nb::handle dtype,
                    nb::handle shape) {
  nb::object of = nb::borrow(dtype);
  if (of.is_none()) of = type != nullptr ? type->dtype() : numpy("uint8");
  const nb::object array = numpy("frombuffer")(exporter, of);
  return shape.is_none() ? array : array.attr("reshape")(shape);
}

}  // namespace tow::python
