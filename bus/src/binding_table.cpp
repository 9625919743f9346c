// Format of a version of an exchange's file, all numbers in the byte order of the host:
//
//   u8 format (1), u8 kind, u8 length and name of the alternate exchange, u32 count, then each
//   binding: u8 destination (0 queue, 1 exchange), u64 identity, u8 length and name, u8 length and
//   key, u16 bytes of arguments, as the headers of messages are stored (shm/fields.hpp).

#include "binding_table.hpp"

#include <cstring>

#include "attributes.hpp"

namespace tow {
namespace {

constexpr std::uint8_t kFormat = 1;
class Encoder {
 public:
  template <class T>
  void number(T value) {
    append(&value, sizeof value);
  }
  void name(std::string_view text) {
    number(static_cast<std::uint8_t>(text.size()));
    append(text.data(), text.size());
  }
  void arguments(const Headers& arguments) {
    const std::size_t count = encoded_bytes(arguments);
    number(static_cast<std::uint16_t>(count));
    bytes.resize(bytes.size() + count);
    encode(arguments, std::span(bytes).last(count));
  }
  void append(const void* data, std::size_t count) {
    if (count == 0) return;
    const auto* const from = static_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), from, from + count);
  }
  std::vector<std::byte> bytes;
};

/// Hands out the bytes of a table; what runs over its end is zeros, and remembered.
class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> bytes) : left_(bytes) {}
  template <class T>
  T number() {
    T value{};
    const auto from = take(sizeof value);
    if (from.size() == sizeof value) std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  std::string name() { return text(number<std::uint8_t>()); }
  std::string text(std::size_t count) {
    const auto from = take(count);
    return {reinterpret_cast<const char*>(from.data()), from.size()};
  }
  std::span<const std::byte> take(std::size_t count) {
    if (count > left_.size()) {
      fine = false;
      left_ = {};
      return {};
    }
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  bool at_end() const { return left_.empty(); }
  std::size_t left() const { return left_.size(); }
  bool fine = true;

 private:
  std::span<const std::byte> left_;
};

Headers decode_arguments(Decoder& from) {
  const auto bytes = from.take(from.number<std::uint16_t>());
  shm::HeaderReader reader(bytes);
  while (reader.next()) {
  }
  from.fine = from.fine && !reader.damaged();
  return Headers::decode(bytes);
}

BoundTo decode_binding(Decoder& from) {
  BoundTo bound;
  const auto to = from.number<std::uint8_t>();
  from.fine = from.fine && to <= static_cast<std::uint8_t>(Binding::To::exchange);
  bound.binding.to = static_cast<Binding::To>(to);
  bound.identity = from.number<std::uint64_t>();
  bound.binding.destination = from.name();
  from.fine = from.fine && !bound.binding.destination.empty();
  bound.binding.key = from.name();
  bound.binding.arguments = decode_arguments(from);
  return bound;
}

bool known_match(const HeaderValue& value) {
  const auto* const text = std::get_if<std::string>(&value);
  return text != nullptr &&
         (*text == "all" || *text == "any" || *text == "all-with-x" || *text == "any-with-x");
}

}  // namespace

std::string to_string(ExchangeKind kind) {
  switch (kind) {
    case ExchangeKind::any:
      return "any";
    case ExchangeKind::direct:
      return "direct";
    case ExchangeKind::fanout:
      return "fanout";
    case ExchangeKind::topic:
      return "topic";
    case ExchangeKind::headers:
      return "headers";
  }
  return "unknown";
}

Result<void> check_binding(const std::string& exchange, ExchangeKind kind, const Binding& binding) {
  const auto wrong = [&exchange](const std::string& what) {
    return make_error(Code::invalid_argument, "exchange " + exchange + ": " + what);
  };
  if (binding.key.size() > kMaxRoutingKeyBytes) {
    return wrong("a binding key of " + std::to_string(binding.key.size()) +
                 " bytes; keys have at most 255");
  }
  for (const Header& argument : binding.arguments) {
    if (argument.name.empty() || argument.name.size() > shm::kMaxHeaderNameBytes) {
      return wrong("the argument " + argument.name.substr(0, 32) +
                   " needs a name of 1 to 255 bytes");
    }
    if (kind == ExchangeKind::headers && argument.name == "x-match" &&
        !known_match(argument.value)) {
      return wrong("x-match must be the text all, any, all-with-x or any-with-x");
    }
  }
  if (const std::size_t bytes = encoded_bytes(binding.arguments); bytes > shm::kMaxHeadersBytes) {
    return wrong("arguments of " + std::to_string(bytes) + " bytes; at most 65535 are allowed");
  }
  return {};
}

std::vector<std::byte> encode(const BindingTable& table) {
  Encoder to;
  to.number(kFormat);
  to.number(static_cast<std::uint8_t>(table.kind));
  to.name(table.alternate);
  to.number(static_cast<std::uint32_t>(table.bindings.size()));
  for (const auto& [binding, identity] : table.bindings) {
    to.number(static_cast<std::uint8_t>(binding.to));
    to.number(identity);
    to.name(binding.destination);
    to.name(binding.key);
    to.arguments(binding.arguments);
  }
  return std::move(to.bytes);
}

Result<BindingTable> decode(std::span<const std::byte> bytes, const std::string& path) {
  constexpr std::size_t kLeastBinding = 13;
  Decoder from(bytes);
  BindingTable table;
  const auto format = from.number<std::uint8_t>();
  table.kind = static_cast<ExchangeKind>(from.number<std::uint8_t>());
  table.alternate = from.name();
  const auto count = from.number<std::uint32_t>();
  const bool known = format == kFormat && table.kind >= ExchangeKind::direct &&
                     table.kind <= ExchangeKind::headers;
  from.fine = from.fine && known && count <= from.left() / kLeastBinding;
  for (std::uint32_t i = 0; i < count && from.fine; ++i) {
    table.bindings.push_back(decode_binding(from));
  }
  if (!from.fine || !from.at_end()) {
    return make_error(Code::corrupt, path +
                                         " holds no table of bindings; remove the exchange and "
                                         "create it anew");
  }
  return table;
}

}  // namespace tow
