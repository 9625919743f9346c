#include "error.hpp"

#include <errno.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "enums.hpp"
#include "towpath/version.hpp"

namespace tow::c {
namespace {

/// No destructor: a library that is unloaded, and functions that run at exit, may still ask.
struct Last {
  std::array<char, 2048> text{};
  std::int32_t os_errno = 0;
};
thread_local constinit Last last;

}  // namespace

tow_code fail(tow_code code, std::string_view text, int os_errno) noexcept {
  constexpr std::string_view kCut = "...";
  const std::size_t room = last.text.size() - 1;
  std::size_t size = std::min(text.size(), room);
  std::memcpy(last.text.data(), text.data(), size);
  if (text.size() > room)
    std::memcpy(last.text.data() + room - kCut.size(), kCut.data(), kCut.size());
  last.text[size] = '\0';
  last.os_errno = os_errno;
  return code;
}

tow_code fail(const Error& error) {
  return fail(static_cast<tow_code>(error.code), error.message(), error.os_errno);
}

tow_code null_argument(const char* what) noexcept {
  std::array<char, 128> text{};
  constexpr std::string_view kIsNull = " is null; this function needs one";
  const std::size_t size = std::min(std::strlen(what), text.size() - kIsNull.size());
  std::memcpy(text.data(), what, size);
  std::memcpy(text.data() + size, kIsNull.data(), kIsNull.size());
  return fail(TOW_INVALID_ARGUMENT, {text.data(), size + kIsNull.size()});
}

tow_code fail_by_exception() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return fail(TOW_SYSTEM, "there is no memory left for this process", ENOMEM);
  } catch (const std::exception& failure) {
    return fail(TOW_SYSTEM, failure.what());
  } catch (...) {
    return fail(TOW_SYSTEM, "an exception of unknown type");
  }
}

}  // namespace tow::c

using namespace tow::c;

const char* tow_error_text(void) { return last.text.data(); }

int32_t tow_error_errno(void) { return last.os_errno; }

const char* tow_code_name(tow_code code) {
  const std::uint32_t number = number_of(code);
  if (number == TOW_OK) return "ok";
  if (number == TOW_NOTHING) return "nothing";
  // Of literals, which end with a NUL.
  return tow::to_string(static_cast<tow::Code>(std::min<std::uint32_t>(number, UINT16_MAX))).data();
}

const char* tow_version(void) { return tow::kVersion.data(); }

tow_view tow_text(const char* text) { return {text, text == nullptr ? 0 : std::strlen(text)}; }
