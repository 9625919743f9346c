#include "towpath/subscriber.hpp"

#include "batch.hpp"
#include "handles.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

constexpr tow_subscriber_options kDefaults{.struct_bytes = sizeof(tow_subscriber_options),
                                           .lossy = false,
                                           .start = {TOW_START_NEXT, 0},
                                           .max_lag = 0,
                                           .max_held = 64,
                                           .spin_ns = 50'000};

/// Hands out what was taken: a message, an error or nothing.
tow_code give(tow::Taken<>&& taken, tow_subscriber* from, tow_own_message& to) {
  if (taken) [[likely]] {
    to.hold(std::move(taken), from);
    return TOW_OK;
  }
  to.payload = tow::Message<>();
  return taken.failed() ? fail(taken.error()) : TOW_NOTHING;
}

tow_code take_one(tow_subscriber* from, int64_t timeout_ns, tow_message* message) {
  auto& to = *static_cast<tow_own_message*>(message);
  to.release();
  tow::Subscriber<>& it = from->subscriber;
  return give(timeout_ns > 0 ? it.take(ns(timeout_ns)) : it.try_take(), from, to);
}

template <class Body>
uint64_t ask_subscriber(const tow_subscriber* subscriber, const Body& body) {
  return ask(subscriber, "the subscriber", uint64_t{0},
             [&](const tow_subscriber& it) { return body(it.subscriber); });
}

}  // namespace

void tow_subscriber_options_init_sized(tow_subscriber_options* options, size_t struct_bytes) {
  initialise(options, struct_bytes, kDefaults);
}

tow_code tow_subscriber_open(const tow_topic* topic, const tow_subscriber_options* options,
                             tow_subscriber** subscriber) {
  if (const tow_code fault =
          need({{topic, "the topic"}, {subscriber, "the pointer to the subscriber"}})) {
    return fault;
  }
  tow_subscriber_options given = kDefaults;
  if (const tow_code fault = read(options, "tow_subscriber_options", given)) return fault;
  return guarded([&] {
    using Kind = tow::SubscriberKind;
    tow::SubscriberOptions asked{.kind = given.lossy ? Kind::lossy : Kind::required,
                                 .max_lag = given.max_lag,
                                 .max_held = given.max_held,
                                 .spin = ns(given.spin_ns)};
    if (!start_of(given.start, asked.start)) return bad_member("tow_subscriber_options.start");
    auto opened = topic->topic.subscriber(asked);
    if (opened) *subscriber = new tow_subscriber(std::move(*opened));
    return code_of(opened);
  });
}

tow_code tow_subscriber_observe(const tow_topic* topic, tow_start start,
                                tow_subscriber** subscriber) {
  if (const tow_code fault =
          need({{topic, "the topic"}, {subscriber, "the pointer to the subscriber"}})) {
    return fault;
  }
  tow::Start from;
  if (!start_of(start, from)) return bad_member("tow_start.kind");
  return guarded(
      [&] { return *subscriber = new tow_subscriber(topic->topic.observer(from)), TOW_OK; });
}

void tow_subscriber_close(tow_subscriber* subscriber) {
  if (subscriber != nullptr) subscriber->let_go();
}

tow_code tow_subscriber_take(tow_subscriber* subscriber, int64_t timeout_ns, tow_message* message) {
  if (subscriber == nullptr) return null_argument("the subscriber");
  if (message == nullptr) return null_argument("the message");
  return guarded([&] { return take_one(subscriber, timeout_ns, message); });
}

tow_code tow_subscriber_take_batch(tow_subscriber* subscriber, int64_t timeout_ns,
                                   tow_message* const* messages, size_t max, size_t* count) {
  if (const tow_code fault = need({{subscriber, "the subscriber"},
                                   {messages, "the array of messages"},
                                   {count, "the pointer to the count"}})) {
    return fault;
  }
  return take_batch(
      messages, max, "a message of the array", timeout_ns, count,
      [&](tow_message* to, int64_t wait_ns) { return take_one(subscriber, wait_ns, to); });
}

tow_code tow_subscriber_take_values(tow_subscriber* subscriber, int64_t timeout_ns, void* values,
                                    size_t bytes, size_t max, size_t* count) {
  if (const tow_code fault = need({{subscriber, "the subscriber"},
                                   {values, "the array of values"},
                                   {count, "the pointer to the count"}})) {
    return fault;
  }
  size_t all = 0;
  if (__builtin_mul_overflow(bytes, max, &all)) {
    return fail(TOW_INVALID_ARGUMENT, "an array of more bytes than there are");
  }
  return guarded([&] {
    const auto taken = subscriber->subscriber.take_values({static_cast<std::byte*>(values), all},
                                                          bytes, ns(timeout_ns));
    if (!taken) return fail(taken.error());
    if (*taken == 0) return TOW_NOTHING;
    *count = *taken;
    return TOW_OK;
  });
}

tow_code tow_subscriber_latest(tow_subscriber* subscriber, tow_message* message) {
  if (subscriber == nullptr) return null_argument("the subscriber");
  if (message == nullptr) return null_argument("the message");
  return guarded([&] {
    auto& to = *static_cast<tow_own_message*>(message);
    to.release();
    return give(subscriber->subscriber.latest(), subscriber, to);
  });
}

uint64_t tow_subscriber_next_sequence(const tow_subscriber* subscriber) {
  return ask_subscriber(subscriber, [](const auto& it) { return it.next_sequence(); });
}

uint64_t tow_subscriber_start_sequence(const tow_subscriber* subscriber) {
  return ask_subscriber(subscriber, [](const auto& it) { return it.start_sequence(); });
}

uint64_t tow_subscriber_lag(const tow_subscriber* subscriber) {
  return ask_subscriber(subscriber, [](const auto& it) { return it.lag(); });
}

uint64_t tow_subscriber_received(const tow_subscriber* subscriber) {
  return ask_subscriber(subscriber, [](const auto& it) { return it.received(); });
}

uint64_t tow_subscriber_lost(const tow_subscriber* subscriber) {
  return ask_subscriber(subscriber, [](const auto& it) { return it.lost(); });
}

uint64_t tow_subscriber_gaps(const tow_subscriber* subscriber) {
  return ask_subscriber(subscriber, [](const auto& it) { return it.gaps(); });
}
