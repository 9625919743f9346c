#pragma once
/// What the children do until they are killed or told to stop.

#include "shared_log.hpp"
#include "topic_options.hpp"

namespace tow::soak {

/// Sees every message from the first on, and keeps the books. Nobody kills it.
void observe(Self& self);
/// Every way of publishing, in random order; as a standby first where another publishes.
void publish(Self& self);
/// The same for the whole round. Nobody kills it.
void publish_steadily(Self& self);
/// Every kind of subscription, one after the other.
void subscribe(Self& self);
SubscriberOptions some_options(Self& self);
/// Takes until told to end, keeping some messages in place and checking them again before they go.
void take_some(Self& self, Subscriber<Bytes>& subscriber, std::uint64_t count);
/// towd, the program's own code, which is told the round's bus.
void supervise(Self& self);

}  // namespace tow::soak
