#pragma once
/// The bindings of an exchange as they lie in its file.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "towpath/exchange.hpp"

namespace tow {

inline constexpr std::size_t kMaxRoutingKeyBytes = 255;

/// A binding, and which life of its destination's name it was made for: one that was removed and
/// made anew is another destination.
struct BoundTo {
  Binding binding;
  std::uint64_t identity = 0;
};

struct BindingTable {
  ExchangeKind kind = ExchangeKind::direct;
  std::string alternate;
  std::vector<BoundTo> bindings;
};

/// Success when a binding can be stored and means something to an exchange of that kind. Errors:
/// invalid_argument.
Result<void> check_binding(const std::string& exchange, ExchangeKind kind, const Binding& binding);

std::vector<std::byte> encode(const BindingTable& table);
/// `path` is for the error: corrupt.
Result<BindingTable> decode(std::span<const std::byte> bytes, const std::string& path);

std::string to_string(ExchangeKind kind);

}  // namespace tow
