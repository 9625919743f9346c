#pragma once
/// What tow pub and tow send share: where they publish, how, and what they do when there is no
/// room.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <towpath/towpath.hpp>

#include "attributes.hpp"

namespace tow::cli {

struct PublishingOptions {
  std::string topic, when_full = "wait";
  bool quiet = false;
  std::optional<std::chrono::nanoseconds> timeout, take_over;
  AttributeOptions attributes;
};

/// Adds --when-full, --timeout, --take-over, --quiet and the attributes.
void add_publishing(CLI::App* command, PublishingOptions& options);

/// The topic, of whatever type it is; else a new one of bytes, made so that messages of `largest`
/// bytes fit. Throws BadResult.
Topic<Bytes> open_topic(const Bus& bus, const std::string& name, std::uint64_t largest);
/// Throws BadResult.
Publisher<Bytes> open_publisher(const Topic<Bytes>& topic, const PublishingOptions& options);
/// Publishes with these attributes; waits for room as the options say, unless a stop is requested.
Result<void> publish(Publisher<Bytes>& publisher, std::string_view payload,
                     const Attributes& attributes, const PublishingOptions& options);
/// Throws BadResult for a message of another size than the topic's type: it would be damage to its
/// subscribers.
void check_size(const TopicInfo& info, std::size_t bytes);

}  // namespace tow::cli
