#pragma once
/// Structs that the caller makes, of a program that knows fewer members, or more, than this
/// library.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "enums.hpp"
#include "error.hpp"
#include "towpath/type.hpp"

namespace tow::c {

/// Gives the members that the program knows their defaults.
template <class Options>
void initialise(Options* options, std::size_t struct_bytes, Options defaults) noexcept {
  if (options == nullptr || struct_bytes < sizeof options->struct_bytes) return;
  defaults.struct_bytes = struct_bytes;
  std::memset(static_cast<void*>(options), 0, struct_bytes);
  std::memcpy(static_cast<void*>(options), &defaults, std::min(struct_bytes, sizeof defaults));
}

tow_code bad_struct_bytes(const char* type, std::size_t struct_bytes) noexcept;
tow_code unknown_member(const char* type) noexcept;

/// Reads what the program gave, null for nothing, over the defaults that `to` holds.
template <class Options>
tow_code read(const Options* given, const char* type, Options& to) noexcept {
  if (given == nullptr) return TOW_OK;
  constexpr std::size_t kMost = 4096;  // more is no size, but memory that nobody initialised
  const std::size_t bytes = given->struct_bytes;
  if (bytes < sizeof given->struct_bytes || bytes > kMost) return bad_struct_bytes(type, bytes);
  const auto* const raw = reinterpret_cast<const char*>(given);
  std::memcpy(static_cast<void*>(&to), raw, std::min(bytes, sizeof to));
  for (std::size_t i = sizeof to; i < bytes; ++i) {
    if (raw[i] != 0) return unknown_member(type);
  }
  to.struct_bytes = sizeof to;
  return TOW_OK;
}

inline std::chrono::nanoseconds ns(std::int64_t count) { return std::chrono::nanoseconds(count); }
/// A text that may be null.
inline std::string_view text_or_empty(const char* text) { return text == nullptr ? "" : text; }
inline std::string_view text_of(tow_view view) {
  return {static_cast<const char*>(view.data), view.bytes};
}
inline std::span<const std::byte> span_of(const void* data, std::size_t bytes) {
  return {static_cast<const std::byte*>(data), bytes};
}
inline tow_view view_of(std::string_view text) { return {text.data(), text.size()}; }
inline bool is_whole(tow_view view) { return view.data != nullptr || view.bytes == 0; }

tow_code bad_member(const char* member) noexcept;
/// Checks what its kind says; false for one that there is not.
bool start_of(tow_start given, Start& start);
TypeInfo type_of(const tow_type& type);
inline constexpr tow_type kBytesType{nullptr, 0, 1};

}  // namespace tow::c
