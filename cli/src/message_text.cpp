#include "message_text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

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

std::string hex_dump(std::string_view payload) {
  constexpr std::size_t kRow = 16;
  std::string dump;
  for (std::size_t at = 0; at < payload.size(); at += kRow) {
    append_row(dump, at, payload.substr(at, kRow));
  }
  return dump;
}

std::string hex_digits(std::string_view bytes) {
  std::string digits;
  digits.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    fmt::format_to(std::back_inserter(digits), "{:02x}", static_cast<unsigned char>(c));
  }
  return digits;
}

/// Its type as stored, and its value as JSON; bytes, and text that is no UTF-8, as hex digits.
Json json_of(const Header& header) {
  constexpr const char* kTypes[] = {"null", "boolean", "integer", "real", "text", "bytes"};
  Json json = {{"name", header.name}, {"type", kTypes[header.value.index()]}, {"value", nullptr}};
  const auto set_hex = [&json](std::string_view bytes) {
    json["value"] = hex_digits(bytes);
    json["encoding"] = "hex";
  };
  if (const auto* const flag = std::get_if<bool>(&header.value)) {
    json["value"] = *flag;
  } else if (const auto* const integer = std::get_if<std::int64_t>(&header.value)) {
    json["value"] = *integer;
  } else if (const auto* const real = std::get_if<double>(&header.value)) {
    json["value"] = *real;
  } else if (const auto* const text = std::get_if<std::string>(&header.value)) {
    valid_utf8(*text) ? void(json["value"] = *text) : set_hex(*text);
  } else if (const auto* const bytes = std::get_if<std::vector<std::byte>>(&header.value)) {
    set_hex({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  }
  return json;
}

using TimePoint = Message<Bytes>::TimePoint;

double seconds_until(TimePoint time) {
  return std::chrono::duration<double>(time - std::chrono::steady_clock::now()).count();
}

/// "in 12.5 s", "3 ms ago".
std::string relative(TimePoint time) {
  const double seconds = seconds_until(time);
  const std::string amount = human_ns(std::abs(seconds) * 1e9);
  return seconds > 0 ? "in " + amount : amount + " ago";
}

/// As tow send takes it.
std::string header_line(const Header& header) {
  const std::string name = printable(header.name);
  if (const auto* const text = std::get_if<std::string>(&header.value)) {
    return name + '=' + printable(*text);
  }
  if (const auto* const bytes = std::get_if<std::vector<std::byte>>(&header.value)) {
    return fmt::format("{}@ {} bytes", name, bytes->size());
  }
  return name + ":=" + json_of(header)["value"].dump();
}

/// What is known of a message besides its payload, in a line, and one for each header.
std::string description(const Message<Bytes>& message, const DeliveryBase* delivery) {
  std::string line = fmt::format("#{}  {} bytes", message.sequence(), message.bytes().size());
  const auto add = [&line](const char* name, std::string_view value) {
    if (!value.empty()) line += fmt::format("  {} {}", name, printable(value));
  };
  add("key", message.key());
  if (message.tag_hash() != 0) line += fmt::format("  tag {:016x}", message.tag_hash());
  if (const auto at = message.expires_at()) {
    line += (message.expired() ? "  expired " : "  expires ") + relative(*at);
  }
  if (const auto at = message.due_at()) line += "  due " + relative(*at);
  if (message.priority() != 0) line += fmt::format("  priority {}", message.priority());
  add("correlation-id", message.correlation_id());
  add("reply-topic", message.reply_topic());
  add("content-type", message.content_type());
  if (message.missed() != 0) line += fmt::format("  after {} missed", message.missed());
  if (delivery != nullptr && delivery->attempts() != 0) {
    line += fmt::format("  failed {} times", delivery->attempts());
  }
  if (delivery != nullptr && delivery->redelivered()) line += "  redelivered";
  line += '\n';
  for (const Header& header : message.headers()) line += "  " + header_line(header) + '\n';
  return line;
}

/// Adds the attributes that were given.
void add_attributes(Json& line, const Message<Bytes>& message) {
  if (message.tag_hash() != 0) line["tag_hash"] = fmt::format("{:016x}", message.tag_hash());
  if (const auto at = message.expires_at()) {
    line["expires_in_s"] = seconds_until(*at);
    line["expired"] = message.expired();
  }
  if (const auto at = message.due_at()) line["due_in_s"] = seconds_until(*at);
  if (message.priority() != 0) line["priority"] = message.priority();
  const auto add = [&line](const char* name, std::string_view value) {
    if (!value.empty()) line[name] = value;
  };
  add("correlation_id", message.correlation_id());
  add("reply_topic", message.reply_topic());
  add("content_type", message.content_type());
  Json headers = Json::array();
  for (const Header& header : message.headers()) headers.push_back(json_of(header));
  if (!headers.empty()) line["headers"] = std::move(headers);
}

}  // namespace

MessageText::MessageText(const std::string& format, std::string topic, bool verbose)
    : format_(format == "hex"    ? Format::hex
              : format == "raw"  ? Format::raw
              : format == "json" ? Format::json
                                 : Format::text),
      topic_(std::move(topic)),
      verbose_(verbose) {}

std::string MessageText::text(const Message<Bytes>& message, const DeliveryBase* delivery) const {
  switch (format_) {
    case Format::raw:
      return std::string(message.text());
    case Format::hex:
      return description(message, delivery) + hex_dump(message.text());
    case Format::json:
      return json(message, delivery);
    case Format::text:
      break;
  }
  return (verbose_ ? description(message, delivery) : "") + std::string(message.text()) + '\n';
}

std::string MessageText::json(const Message<Bytes>& message, const DeliveryBase* delivery) const {
  Json line = {{"topic", topic_},
               {"sequence", message.sequence()},
               {"bytes", message.bytes().size()},
               {"missed", message.missed()},
               {"key", message.key()},
               {"encoding", "utf-8"},
               {"payload", message.text()}};
  if (delivery != nullptr) {
    line["attempts"] = delivery->attempts();
    line["redelivered"] = delivery->redelivered();
  }
  add_attributes(line, message);
  try {
    return line.dump() + '\n';
  } catch (const Json::type_error&) {  // not UTF-8
    line["encoding"] = "hex";
    line["payload"] = hex_digits(message.text());
    return line.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  }
}

}  // namespace tow::cli
