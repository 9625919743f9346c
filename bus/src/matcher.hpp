#pragma once
/// What the bindings of one exchange match, compiled for its kind. Private to a process.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "towpath/exchange.hpp"

namespace tow {

/// Number of a destination; its owner knows whether that is a queue or an exchange.
using Target = std::uint32_t;

class Matcher {
 public:
  static std::unique_ptr<Matcher> of(ExchangeKind kind);
  virtual ~Matcher() = default;
  virtual void add(const Binding& binding, Target target) = 0;
  /// Appends the targets of all bindings that match; one may come several times.
  virtual void match(std::string_view routing_key, const Headers& headers,
                     std::vector<Target>& found) = 0;
};

/// A mixed 64-bit hash of a text. Not for keeping enemies apart.
std::uint64_t hash_of(std::string_view text);

}  // namespace tow
