#pragma once
/// Headers: named, typed values that travel with a message.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tow {

/// Null, boolean, integer, real number, text or bytes. A text or bytes are up to 65535 bytes long.
using HeaderValue =
    std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, std::vector<std::byte>>;

struct Header {
  std::string name;  ///< 1 to 255 bytes
  HeaderValue value = nullptr;
  friend bool operator==(const Header&, const Header&) = default;
};

/// An ordered list of headers. Names may occur several times and are compared byte by byte. All
/// together take up to 65535 bytes of a message: 2 and its name for each, and 0 (null), 1
/// (boolean), 8 (integer, real) or 2 and its length (text, bytes) for its value.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> headers) : headers_(headers) {}

  /// Appends one, whatever there is of that name.
  Headers& add(std::string name, HeaderValue value);
  /// Gives the first of that name this value and removes the others; appends it if there is none.
  Headers& set(std::string_view name, HeaderValue value);
  /// Removes all of that name; returns how many there were.
  std::size_t remove(std::string_view name);
  void clear() { headers_.clear(); }

  /// The value of the first of that name, or nullptr.
  const HeaderValue* find(std::string_view name) const;
  /// The same if it is a T, else nullptr: `headers.find<std::int64_t>("retries")`.
  template <class T>
  const T* find(std::string_view name) const {
    return std::get_if<T>(find(name));  // of nullptr: nullptr
  }
  bool contains(std::string_view name) const { return find(name) != nullptr; }

  std::size_t size() const { return headers_.size(); }
  bool empty() const { return headers_.empty(); }
  const Header& operator[](std::size_t index) const { return headers_[index]; }
  auto begin() const { return headers_.begin(); }
  auto end() const { return headers_.end(); }
  friend bool operator==(const Headers&, const Headers&) = default;

  /// Decodes what a message carries. Of a list that a broken peer damaged: those before the damage.
  static Headers decode(std::span<const std::byte> encoded);

 private:
  std::vector<Header> headers_;
};

}  // namespace tow
