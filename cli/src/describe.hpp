#pragma once
/// Words and JSON for what ls, info and heal show alike.

#include <string>
#include <towpath/info.hpp>

#include "output.hpp"

namespace tow::cli {

std::string to_word(Publishers kind);
std::string to_word(Stamps stamps);
std::string to_word(SubscriberKind kind);
/// Of the slowest living required subscriber; 0 without one.
std::uint64_t largest_lag(const TopicInfo& info);
std::uint64_t living_publishers(const TopicInfo& info);
std::uint64_t living_subscribers(const TopicInfo& info);
/// Everything that is known of a topic.
Json to_json(const TopicInfo& info);

}  // namespace tow::cli
