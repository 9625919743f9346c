#include "towpath/headers.hpp"

#include <algorithm>
#include <bit>

#include "towpath/shm/fields.hpp"

namespace tow {
namespace {

HeaderValue value_of(const shm::HeaderEntry& entry) {
  switch (entry.type) {
    case shm::HeaderType::boolean:
      return entry.bits != 0;
    case shm::HeaderType::integer:
      return static_cast<std::int64_t>(entry.bits);
    case shm::HeaderType::real:
      return std::bit_cast<double>(entry.bits);
    case shm::HeaderType::text:
      return std::string(entry.content);
    case shm::HeaderType::bytes: {
      const auto* const from = reinterpret_cast<const std::byte*>(entry.content.data());
      return std::vector<std::byte>(from, from + entry.content.size());
    }
    case shm::HeaderType::null:
      break;
  }
  return nullptr;
}

}  // namespace

Headers& Headers::add(std::string name, HeaderValue value) {
  headers_.push_back({std::move(name), std::move(value)});
  return *this;
}

Headers& Headers::set(std::string_view name, HeaderValue value) {
  const auto named = [name](const Header& header) { return header.name == name; };
  const auto first = std::find_if(headers_.begin(), headers_.end(), named);
  if (first == headers_.end()) return add(std::string(name), std::move(value));
  first->value = std::move(value);
  headers_.erase(std::remove_if(first + 1, headers_.end(), named), headers_.end());
  return *this;
}

std::size_t Headers::remove(std::string_view name) {
  return std::erase_if(headers_, [name](const Header& header) { return header.name == name; });
}

const HeaderValue* Headers::find(std::string_view name) const {
  for (const Header& header : headers_) {
    if (header.name == name) return &header.value;
  }
  return nullptr;
}

Headers Headers::decode(std::span<const std::byte> encoded) {
  Headers headers;
  shm::HeaderReader reader(encoded);
  while (const auto entry = reader.next()) {  // each takes at least 3 of up to 65535 bytes
    headers.add(std::string(entry->name), value_of(*entry));
  }
  return headers;
}

}  // namespace tow
