#include "names.hpp"

#include <charconv>

namespace tow {
namespace {

bool plain(unsigned char c, bool first) {
  if (c == '.') return !first;
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c >= 0x80;
}

}  // namespace

Result<std::string> escape_name(std::string_view name, std::string_view kind) {
  constexpr std::size_t kMaxFileName = 255;
  constexpr char kHex[] = "0123456789ABCDEF";
  if (name.empty()) {
    return make_error(Code::invalid_name,
                      "each " + std::string(kind) + " needs a name; the empty one is not allowed");
  }
  std::string escaped;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain(byte, escaped.empty())) {
      escaped += c;
    } else {
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  if (escaped.size() > kMaxFileName) {
    return make_error(Code::invalid_name, std::string(kind) + " name " +
                                              std::string(name.substr(0, 32)) +
                                              "... is too long: " + std::to_string(escaped.size()) +
                                              " bytes as a file name, at most 255");
  }
  return escaped;
}

Result<std::string> escape_topic(std::string_view name) { return escape_name(name, "topic"); }

std::string unescape_topic(std::string_view file_name) {
  std::string name;
  for (std::size_t i = 0; i < file_name.size(); ++i) {
    if (file_name[i] != '%') {
      if (!plain(static_cast<unsigned char>(file_name[i]), i == 0)) return {};
      name += file_name[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= file_name.size()) return {};
    const char* const from = file_name.data() + i + 1;
    if (std::from_chars(from, from + 2, value, 16).ptr != from + 2) return {};
    name += static_cast<char>(value);
    i += 2;
  }
  // Only one file name stands for a topic: not %41 for A, not %2f for %2F.
  const auto same = escape_topic(name);
  return same && *same == file_name ? name : std::string();
}

}  // namespace tow
