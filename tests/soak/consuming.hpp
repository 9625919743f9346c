#pragma once
/// The group of a round: made by whoever needs it first, before anything is published.

#include "shared_log.hpp"
#include "towpath/towpath.hpp"

namespace tow::soak {

inline constexpr const char* kGroup = "workers";

Result<Group<Bytes>> make_group(const Topic<Bytes>& topic);
/// One consumer after the other, each of which settles what it takes in every way there is.
void consume(Self& self);
/// When everybody has gone: takes what is left, closes the books, and removes the group.
void close_group(Self& self, const Bus& bus, const Topic<Bytes>& topic);

}  // namespace tow::soak
