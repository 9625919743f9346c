#pragma once
/// What a publisher may say about a message besides its payload.

#include <chrono>
#include <cstdint>
#include <string_view>

#include "towpath/headers.hpp"

namespace tow {

/// The longest time to live and delay.
inline constexpr std::chrono::nanoseconds kLongestTime = std::chrono::years(100);

/// Attributes of one message; each is optional and costs nothing unless it is given. What fits the
/// slot behind the payload travels there; else both take pool memory. Texts are up to 255 bytes of
/// any content, and must outlive the call that publishes.
///
/// Time to live, delay and priority concern groups. Subscribers see every message at once and in
/// sequence; Message::expired(), due_at() and priority() tell them what was asked.
struct Attributes {
  /// What the message is about, for example a customer or an instrument. A group that keeps order
  /// gives messages of one key to one consumer at a time.
  std::string_view key = {};
  /// A kind of message that readers look for. Only its hash travels: add the header "tag" where
  /// somebody has to read it.
  std::string_view tag = {};
  /// Instead of a tag whose text is not known: its hash, as Message::tag_hash() tells it. For those
  /// who pass messages on; 0: none, or that of `tag`.
  std::uint64_t tag_hash = 0;
  /// After so long, counted from the call, the message is worth nothing: groups set it aside. Up to
  /// 100 years; 0 or kForever: it never expires.
  std::chrono::nanoseconds time_to_live{0};
  /// Groups see the message after so long, counted from the call. 0: at once; up to 100 years.
  std::chrono::nanoseconds delay{0};
  /// 0 to 7, the most urgent. Groups prefer a more urgent message among those that wait.
  std::uint8_t priority = 0;
  /// Ties a reply to its request, or messages to one conversation.
  std::string_view correlation_id = {};
  /// The topic where an answer is expected.
  std::string_view reply_topic = {};
  /// What the payload is, for example "application/json".
  std::string_view content_type = {};
  Headers headers = {};
  /// Its number among the messages of its producer (PublisherOptions::producer), from 1, rising,
  /// below 2^62. One that is not above the last is not published again; 0: no number.
  std::uint64_t number = 0;
};

}  // namespace tow
