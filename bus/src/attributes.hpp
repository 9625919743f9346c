#pragma once
/// From attributes to the fields of a message.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "towpath/attributes.hpp"
#include "towpath/shm/fields.hpp"
#include "towpath/shm/result.hpp"

namespace tow {

/// A loan leaves room behind the payload for the longest key, or for the usual other fields.
inline constexpr std::size_t kFieldRoom = shm::kMaxKeyBytes + 1;

/// What is wrong with the attributes, if anything: names the attribute, its limit and the topic.
std::optional<Error> fault_in(const Attributes& attributes, const std::string& topic);

/// Attributes without a fault, as fields of a message that is published now; `producer` is the hash
/// of the name that its number belongs to.
shm::EncodedFields encode(const Attributes& attributes, std::uint64_t producer = 0);
/// The same with another key.
shm::EncodedFields encode(const Attributes& attributes, std::string_view key,
                          std::uint64_t producer = 0);

/// Bytes that headers take when encoded, and their encoding into that much room.
std::size_t encoded_bytes(const Headers& headers);
void encode(const Headers& headers, std::span<std::byte> room);

}  // namespace tow
