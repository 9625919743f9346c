#pragma once
/// Attributes of messages as options: those of tow pub and tow send.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <towpath/attributes.hpp>

namespace tow::cli {

struct AttributeOptions {
  std::string key, tag, correlation_id, reply_topic, content_type;
  std::optional<std::chrono::nanoseconds> time_to_live, delay;
  std::uint8_t priority = 0;
  Headers headers;

  /// Refers to the texts.
  Attributes attributes() const;
};

/// Adds --key, --tag, --header and the others; a bad value is a ValidationError that names its
/// option.
void add_attributes(CLI::App* command, AttributeOptions& options);

/// "name=text", "name:=JSON" (null, true, 5, 0.5, "text") or "name@FILE" (its bytes). Throws
/// CLI::ValidationError.
Header parse_header(const std::string& text);

}  // namespace tow::cli
