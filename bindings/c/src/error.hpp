#pragma once
/// Errors on their way to C: a code to return, and a text that stays with the thread.

#include <exception>
#include <initializer_list>
#include <new>
#include <string_view>

#include "towpath/bus.hpp"
#include "towpath/towpath.h"

namespace tow::c {

/// Keeps the error's text and number for tow_error_text() and returns its code.
tow_code fail(const Error& error);
/// The same for a fault that the library below does not know of. Waits for nothing, allocates
/// nothing. Texts longer than some 2000 bytes are cut.
tow_code fail(tow_code code, std::string_view text, int os_errno = 0) noexcept;

/// The error of a null argument: "`what` is null".
tow_code null_argument(const char* what) noexcept;

struct Needed {
  const void* pointer;
  const char* what;
};
/// TOW_OK when none of them is null.
inline tow_code need(std::initializer_list<Needed> all) noexcept {
  for (const Needed& one : all) {
    if (one.pointer == nullptr) return null_argument(one.what);
  }
  return TOW_OK;
}

/// What `result` says, as a code.
template <class T>
tow_code code_of(const Result<T>& result) {
  return result ? TOW_OK : fail(result.error());
}

/// Turns the exception that is being handled into an error.
tow_code fail_by_exception() noexcept;

/// Runs `body`, which returns a code, and lets no exception out into C.
template <class Body>
tow_code guarded(const Body& body) noexcept {
  try {
    return body();
  } catch (...) {
    return fail_by_exception();
  }
}

/// The same for a body that returns something else; `otherwise` when it throws.
template <class T, class Body>
T guarded_or(T otherwise, const Body& body) noexcept {
  try {
    return body();
  } catch (...) {
    (void)fail_by_exception();
    return otherwise;
  }
}

/// A question to a handle that may be null: `otherwise` then, with the error's text.
template <class Handle, class T, class Body>
T ask(const Handle* handle, const char* what, T otherwise, const Body& body) noexcept {
  if (handle == nullptr) [[unlikely]] {
    (void)null_argument(what);
    return otherwise;
  }
  return guarded_or(otherwise, [&]() -> T { return body(*handle); });
}

}  // namespace tow::c
