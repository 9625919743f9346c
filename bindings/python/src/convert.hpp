#pragma once
/// Values of Python for C, and back.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "towpath/towpath.h"

namespace tow::python {

namespace nb = nanobind;

/// The bytes of a bytes-like object or of a text (as UTF-8), where they lie. The object must
/// outlive it, and cannot be resized meanwhile.
class Payload {
 public:
  /// Raises TypeError for anything else, BufferError for memory that is not contiguous.
  explicit Payload(PyObject* object) {
    if (PyBytes_CheckExact(object)) [[likely]] {
      data_ = PyBytes_AS_STRING(object);
      bytes_ = static_cast<std::size_t>(PyBytes_GET_SIZE(object));
    } else {
      view(object);
    }
  }
  Payload(const Payload&) = delete;
  ~Payload() {
    if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
  }
  const void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void view(PyObject* object);

  const void* data_ = nullptr;
  std::size_t bytes_ = 0;
  Py_buffer buffer_{};
};

/// The memory of an object that can be written. Raises BufferError.
class Memory {
 public:
  explicit Memory(PyObject* object);
  Memory(const Memory&) = delete;
  ~Memory() { release(); }
  void release() {
    if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
  }
  void* data() const { return buffer_.buf; }

 private:
  Py_buffer buffer_{};
};

/// Seconds as nanoseconds; None: TOW_FOREVER. Less than 0 is 0; more than 0 never becomes 0.
std::int64_t ns_of(PyObject* seconds);
inline std::int64_t ns_of(nb::handle seconds) { return ns_of(seconds.ptr()); }
/// Nanoseconds as seconds; TOW_FOREVER: None.
nb::object seconds_of(std::int64_t ns);
inline double seconds_of_ns(double ns) { return ns / 1e9; }
/// A point in time of CLOCK_MONOTONIC as time.monotonic() counts; 0: None.
nb::object point_of(std::uint64_t at_ns);

/// Bytes of a str (as UTF-8; what was decoded with surrogateescape comes out as it was) or bytes.
/// Stays as long as the object; `kept` keeps what had to be made. Raises TypeError.
tow_view view_of(PyObject* text, const char* what, nb::object& kept);

nb::bytes bytes_of(tow_view view);
/// Decodes UTF-8; other bytes become lone surrogates.
nb::str text_of(tow_view view);
nb::str text_of(const char* text);

/// For C, which ends texts at a 0: raises ValueError when there is one in it.
const char* c_text(const std::string& text);

/// A text that may be None, for C.
class OptionalText {
 public:
  explicit OptionalText(nb::handle text) {
    if (text.is_none()) return;
    text_ = nb::cast<std::string>(text);
    given_ = true;
  }
  const char* c_str() const { return given_ ? c_text(text_) : nullptr; }

 private:
  std::string text_;
  bool given_ = false;
};

/// A list of the names, which it frees.
nb::list list_of(const tow_names* names);

/// An unsigned integer; raises TypeError, and OverflowError.
std::uint64_t unsigned_of(PyObject* number, const char* what);
std::uint32_t unsigned_32_of(nb::handle number, const char* what);
/// What bool() says of it.
bool truth_of(nb::handle value);

/// How many seconds a take looks before it sleeps, unless it is told.
constexpr double kDefaultSpin = 50e-6;

/// Where a subscriber or a group begins.
struct Start {
  tow_start value;
};
/// Of a Start, or of the texts "next" and "oldest".
tow_start start_of(nb::handle start);

std::size_t position_of(const char* what, std::string_view text, const char* const* texts,
                        std::size_t count);
/// Of a text among `texts`: its position. Raises ValueError, which names all of them.
template <class Enum, std::size_t N>
Enum enum_of(const char* what, std::string_view text, const char* const (&texts)[N]) {
  return static_cast<Enum>(position_of(what, text, texts, N));
}

}  // namespace tow::python
