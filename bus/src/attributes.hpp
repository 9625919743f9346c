#pragma once
/// From attributes to the fields of a message.

#include <optional>
#include <string>

#include "towpath/attributes.hpp"
#include "towpath/shm/fields.hpp"
#include "towpath/shm/result.hpp"

namespace tow {

/// A loan leaves room behind the payload for the longest key, or for the usual other fields.
inline constexpr std::size_t kFieldRoom = shm::kMaxKeyBytes + 1;

/// What is wrong with the attributes, if anything: names the attribute, its limit and the topic.
std::optional<Error> fault_in(const Attributes& attributes, const std::string& topic);

/// Attributes without a fault, as fields of a message that is published now.
shm::EncodedFields encode(const Attributes& attributes);

}  // namespace tow
