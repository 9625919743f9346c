#include "attributes.hpp"

#include <array>

#include "convert.hpp"
#include "errors.hpp"

namespace tow::python {
namespace {

enum Name : std::uint8_t {
  kKey,
  kTag,
  kTimeToLive,
  kDelay,
  kPriority,
  kCorrelationId,
  kReplyTopic,
  kContentType,
  kHeaders,
  kNumber
};
constexpr const char* kNames[] = {
    "key",         "tag",          "time_to_live", "delay", "priority", "correlation_id",
    "reply_topic", "content_type", "headers",      "number"};
/// Interned, as the names of keyword arguments are: equal ones are mostly the same object.
std::array<PyObject*, std::size(kNames)> names{};

/// The position of a name among those of attributes; their number when it is none.
std::size_t find(PyObject* name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return i;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (PyUnicode_Compare(name, names[i]) == 0) return i;
  }
  return names.size();
}

tow_value value_of(nb::handle value, nb::object& kept) {
  tow_value it{};
  if (value.is_none()) {
    it.kind = TOW_VALUE_NULL;
  } else if (PyBool_Check(value.ptr())) {
    it.kind = TOW_VALUE_BOOLEAN;
    it.boolean = value.ptr() == Py_True;
  } else if (PyUnicode_Check(value.ptr()) || PyBytes_Check(value.ptr())) {
    it.kind = PyUnicode_Check(value.ptr()) ? TOW_VALUE_TEXT : TOW_VALUE_BYTES;
    it.view = view_of(value.ptr(), "a header", kept);
  } else if (PyFloat_Check(value.ptr())) {
    it.kind = TOW_VALUE_REAL;
    it.real = PyFloat_AS_DOUBLE(value.ptr());
  } else if (PyIndex_Check(value.ptr())) {
    it.kind = TOW_VALUE_INTEGER;
    const nb::object whole = nb::steal(PyNumber_Index(value.ptr()));
    if (!whole.is_valid()) raise_set();
    it.integer = PyLong_AsLongLong(whole.ptr());
    if (it.integer == -1 && PyErr_Occurred() != nullptr) raise_set();
  } else {
    raise(PyExc_TypeError, "the value of a header is None, bool, int, float, str or bytes, not %s",
          Py_TYPE(value.ptr())->tp_name);
  }
  return it;
}

void add(tow_headers* headers, nb::handle name, nb::handle value) {
  nb::object kept_name, kept_value;
  const tow_view name_view = view_of(name.ptr(), "the name of a header", kept_name);
  check(tow_headers_add(headers, name_view, value_of(value, kept_value)));
}

nb::object object_of(const tow_value& value) {
  switch (value.kind) {
    case TOW_VALUE_BOOLEAN:
      return nb::bool_(value.boolean);
    case TOW_VALUE_INTEGER:
      return nb::int_(value.integer);
    case TOW_VALUE_REAL:
      return nb::float_(value.real);
    case TOW_VALUE_TEXT:
      return text_of(value.view);
    case TOW_VALUE_BYTES:
      return bytes_of(value.view);
    default:
      return nb::none();
  }
}

template <class Each>
void for_each(const tow_headers* headers, const Each& each) {
  tow_view name{};
  tow_value value{};
  for (std::size_t i = 0; tow_headers_at(headers, i, &name, &value) == TOW_OK; ++i) {
    each(text_of(name), object_of(value));
  }
}

}  // namespace

Headers headers_of(nb::handle items) {
  tow_headers* made = nullptr;
  check(tow_headers_new(&made));
  Headers headers(made);
  const bool is_mapping = nb::hasattr(items, "items");
  const nb::object pairs = is_mapping ? items.attr("items")() : nb::borrow(items);
  for (const nb::handle item : pairs) {
    const nb::object pair = nb::steal(PySequence_Tuple(item.ptr()));
    if (!pair.is_valid()) raise_set();
    if (PyTuple_GET_SIZE(pair.ptr()) != 2) {
      raise(PyExc_ValueError, "headers are a mapping, or pairs of a name and a value");
    }
    add(made, PyTuple_GET_ITEM(pair.ptr(), 0), PyTuple_GET_ITEM(pair.ptr(), 1));
  }
  return headers;
}

nb::list items_of(const tow_headers* headers) {
  nb::list list;
  for_each(headers, [&](const nb::str& name, const nb::object& value) {
    list.append(nb::make_tuple(name, value));
  });
  return list;
}

nb::dict dict_of(const tow_headers* headers) {
  nb::dict dict;
  for_each(headers, [&](const nb::str& name, const nb::object& value) {
    if (!dict.contains(name)) dict[name] = value;
  });
  return dict;
}

void make_attribute_names() {
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = PyUnicode_InternFromString(kNames[i]);
    if (names[i] == nullptr) raise_set();
  }
}

tow_attributes& Attributes::given() {
  if (!given_) tow_attributes_init(&given_.emplace());
  return *given_;
}

void Attributes::take_text(PyObject* value, const char* what, tow_view& view) {
  if (value == Py_None) return;
  nb::object kept;
  view = view_of(value, what, kept);
  if (kept.is_valid()) kept_.push_back(std::move(kept));
}

bool Attributes::take(PyObject* name, PyObject* value) {
  const std::size_t which = find(name);
  if (which == names.size()) return false;
  tow_attributes& to = given();
  const char* const what = kNames[which];
  switch (static_cast<Name>(which)) {
    case kKey:
      take_text(value, what, to.key);
      break;
    case kTag:
      take_text(value, what, to.tag);
      break;
    case kCorrelationId:
      take_text(value, what, to.correlation_id);
      break;
    case kReplyTopic:
      take_text(value, what, to.reply_topic);
      break;
    case kContentType:
      take_text(value, what, to.content_type);
      break;
    case kTimeToLive:
      to.time_to_live_ns = ns_of(value);
      break;
    case kDelay:
      to.delay_ns = value == Py_None ? 0 : ns_of(value);
      break;
    case kPriority:
      // A number that does not fit its byte is as wrong as any other above 7.
      to.priority =
          static_cast<std::uint8_t>(std::min<std::uint64_t>(unsigned_of(value, what), UINT8_MAX));
      break;
    case kHeaders:
      if (value != Py_None) headers_ = headers_of(value);
      to.headers = headers_.get();
      break;
    case kNumber:
      to.number = unsigned_of(value, what);
      break;
  }
  return true;
}

void Attributes::take_each(const char* function, PyObject* given_names, PyObject* const* values) {
  const Py_ssize_t count = PyTuple_GET_SIZE(given_names);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(given_names, i);
    if (!take(name, values[i])) {
      raise(PyExc_TypeError, "%s() has no attribute '%s'", function, PyUnicode_AsUTF8(name));
    }
  }
}

void Attributes::take_all(const char* function, const nb::kwargs& named) {
  for (auto [name, value] : named) {
    if (!take(name.ptr(), value.ptr())) {
      raise(PyExc_TypeError, "%s() has no attribute '%s'", function, nb::str(name).c_str());
    }
  }
}

}  // namespace tow::python
