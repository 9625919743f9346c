#pragma once
/// What a typed topic remembers of its type, so that a mismatch is an error and not garbage.

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace tow {

/// Tag of a topic that carries bytes of any length.
struct Bytes {};

/// Name, size, alignment and a fingerprint of all three.
struct TypeInfo {
  std::string_view name;
  std::uint32_t bytes = 0;  ///< 0: bytes of any length
  std::uint32_t align = 1;
  std::uint64_t fingerprint = 0;
};

/// The name under which T is stored. Specialise it to agree with another language or compiler.
template <class T>
constexpr std::string_view type_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("T = ") + 4);
  return name.substr(0, name.find_first_of(";]"));
}

/// The type of that name, size and alignment, however a language came by them. Two are the same if
/// all three are. Size 0: bytes of any length, whatever the name.
constexpr TypeInfo type_info(std::string_view name, std::uint32_t bytes, std::uint32_t align) {
  if (bytes == 0) return {"bytes", 0, 1, 0};
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325;  // FNV-1a (Fowler, Noll, Vo)
  const auto fold = [&hash](std::uint64_t part) { hash = (hash ^ part) * 0x0000'0100'0000'01B3; };
  for (const char c : name) fold(static_cast<unsigned char>(c));
  fold(bytes);
  fold(align);
  return {name, bytes, align, hash == 0 ? 1 : hash};
}

template <class T>
constexpr TypeInfo type_info() {
  if constexpr (std::is_same_v<T, Bytes>) {
    return type_info({}, 0, 1);
  } else {
    static_assert(std::is_trivially_copyable_v<T>, "a message is copied byte by byte");
    static_assert(!std::is_pointer_v<T>, "a pointer means nothing in another process");
    static_assert(alignof(T) <= 16, "payloads are aligned to 16 bytes");
    return type_info(type_name<T>(), sizeof(T), alignof(T));
  }
}

}  // namespace tow
