#include "towpath/shm/result.hpp"

#include <array>
#include <cstring>

namespace tow {
namespace {

/// The last details of this thread's errors. Serial numbers tell whether a text is still here.
struct Details {
  static constexpr std::size_t kCount = 16;
  std::array<std::string, kCount> texts;
  std::array<std::uint16_t, kCount> serials{};
  std::uint16_t next = 1;

  std::uint16_t keep(std::string text) {
    const std::uint16_t serial = next;
    next = next == UINT16_MAX ? 1 : static_cast<std::uint16_t>(next + 1);
    texts[serial % kCount] = std::move(text);
    serials[serial % kCount] = serial;
    return serial;
  }
  const std::string* find(std::uint16_t serial) const {
    return serial != 0 && serials[serial % kCount] == serial ? &texts[serial % kCount] : nullptr;
  }
};
thread_local Details details;

}  // namespace

std::string_view to_string(Code code) {
  switch (code) {
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::invalid_name:
      return "invalid_name";
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::type_mismatch:
      return "type_mismatch";
    case Code::options_mismatch:
      return "options_mismatch";
    case Code::version_mismatch:
      return "version_mismatch";
    case Code::corrupt:
      return "corrupt";
    case Code::half_made:
      return "half_made";
    case Code::too_large:
      return "too_large";
    case Code::full:
      return "full";
    case Code::timed_out:
      return "timed_out";
    case Code::no_space:
      return "no_space";
    case Code::no_permission:
      return "no_permission";
    case Code::too_many:
      return "too_many";
    case Code::publisher_exists:
      return "publisher_exists";
    case Code::not_supported:
      return "not_supported";
    case Code::removed:
      return "removed";
    case Code::evicted:
      return "evicted";
    case Code::stale:
      return "stale";
    case Code::system:
      return "system";
  }
  return "unknown";
}

Error make_error(Code code, std::string text, int os_errno) {
  if (os_errno != 0) {
    text += " (";
    text += strerrordesc_np(os_errno) != nullptr ? strerrordesc_np(os_errno) : "unknown errno";
    text += ')';
  }
  return Error{code, details.keep(std::move(text)), os_errno};
}

std::string Error::message() const {
  if (const std::string* text = details.find(detail)) return *text;
  std::string text(to_string(code));
  if (os_errno != 0 && strerrordesc_np(os_errno) != nullptr) {
    text += ": ";
    text += strerrordesc_np(os_errno);
  }
  return text;
}

}  // namespace tow
