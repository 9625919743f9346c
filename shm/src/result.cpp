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

/// In the order of the codes, of which the first is 1.
constexpr std::array<std::string_view, 28> kCodeNames{
    "not_found",        "already_exists", "invalid_name",
    "invalid_argument", "type_mismatch",  "options_mismatch",
    "version_mismatch", "corrupt",        "half_made",
    "too_large",        "full",           "timed_out",
    "no_space",         "no_permission",  "too_many",
    "publisher_exists", "not_supported",  "removed",
    "evicted",          "lease_lost",     "stale",
    "system",           "unroutable",     "no_server",
    "server_died",      "no_reply",       "request_failed",
    "cancelled"};
static_assert(static_cast<std::size_t>(Code::cancelled) == kCodeNames.size());

}  // namespace

std::string_view to_string(Code code) {
  const std::size_t position = static_cast<std::size_t>(code) - 1;
  return position < kCodeNames.size() ? kCodeNames[position] : "unknown";
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
