#include "message_text.hpp"

#include <fmt/format.h>

#include "output.hpp"

namespace tow::cli {
namespace {

/// One row of a dump: offset, up to 16 bytes, the same as characters.
void append_row(std::string& dump, std::size_t offset, std::string_view row) {
  constexpr std::size_t kRow = 16;
  auto out = std::back_inserter(dump);
  fmt::format_to(out, "{:08x} ", offset);
  for (std::size_t i = 0; i < kRow; ++i) {
    if (i % 8 == 0) dump += ' ';
    if (i < row.size()) {
      fmt::format_to(out, "{:02x} ", static_cast<unsigned char>(row[i]));
    } else {
      dump += "   ";
    }
  }
  dump += " |";
  for (const char c : row) dump += c >= 0x20 && c < 0x7F ? c : '.';
  dump += "|\n";
}

std::string hex_digits(std::string_view bytes) {
  std::string digits;
  digits.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    fmt::format_to(std::back_inserter(digits), "{:02x}", static_cast<unsigned char>(c));
  }
  return digits;
}

}  // namespace

MessageText::MessageText(const std::string& format, std::string topic)
    : format_(format == "hex"    ? Format::hex
              : format == "raw"  ? Format::raw
              : format == "json" ? Format::json
                                 : Format::text),
      topic_(std::move(topic)) {}

std::string MessageText::of(const Message<Bytes>& message) const {
  switch (format_) {
    case Format::raw:
      return std::string(message.text());
    case Format::hex:
      return hex(message);
    case Format::json:
      return json(message);
    case Format::text:
      break;
  }
  return std::string(message.text()) + '\n';
}

std::string MessageText::hex(const Message<Bytes>& message) const {
  constexpr std::size_t kRow = 16;
  const std::string_view payload = message.text();
  std::string dump = fmt::format("#{}  {} bytes", message.sequence(), payload.size());
  if (!message.key().empty()) dump += fmt::format("  key {}", printable(message.key()));
  if (message.missed() != 0) dump += fmt::format("  after {} missed", message.missed());
  dump += '\n';
  for (std::size_t at = 0; at < payload.size(); at += kRow) {
    append_row(dump, at, payload.substr(at, kRow));
  }
  return dump;
}

std::string MessageText::json(const Message<Bytes>& message) const {
  Json line = {{"topic", topic_},
               {"sequence", message.sequence()},
               {"bytes", message.bytes().size()},
               {"missed", message.missed()},
               {"key", message.key()},
               {"encoding", "utf-8"},
               {"payload", message.text()}};
  try {
    return line.dump() + '\n';
  } catch (const Json::type_error&) {  // not UTF-8
    line["encoding"] = "hex";
    line["payload"] = hex_digits(message.text());
    return line.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  }
}

}  // namespace tow::cli
