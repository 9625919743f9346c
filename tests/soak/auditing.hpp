#pragma once
/// Results: one for each message of the group, published with its ack, and one who counts them.

#include "shared_log.hpp"
#include "towpath/towpath.hpp"

namespace tow::soak {

/// The topic of results.
Result<Topic<Bytes>> open_results(const Bus& bus, const Plan& plan);
/// Reads every result from the first on. Nobody kills it.
void audit(Self& self);
/// When the group is closed: every message has one result, and the topic goes.
void close_audit(Self& self, const Bus& bus);

}  // namespace tow::soak
