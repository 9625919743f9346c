#include "attributes.hpp"
#include "handles.hpp"
#include "options.hpp"
#include "towpath/exchange.hpp"

using namespace tow::c;

namespace {

constexpr tow_exchange_publisher_options kDefaults{
    .struct_bytes = sizeof(tow_exchange_publisher_options),
    .when_full = TOW_WHEN_FULL_WAIT,
    .wait_at_most_ns = TOW_FOREVER,
    .mandatory = false,
    .carry_routing_key = true};

}  // namespace

void tow_exchange_publisher_options_init_sized(tow_exchange_publisher_options* options,
                                               size_t struct_bytes) {
  initialise(options, struct_bytes, kDefaults);
}

tow_code tow_exchange_publisher_open(const tow_exchange* exchange,
                                     const tow_exchange_publisher_options* options,
                                     tow_exchange_publisher** publisher) {
  if (const tow_code fault =
          need({{exchange, "the exchange"}, {publisher, "the pointer to the publisher"}})) {
    return fault;
  }
  tow_exchange_publisher_options given = kDefaults;
  if (const tow_code fault = read(options, "tow_exchange_publisher_options", given)) return fault;
  return guarded([&] {
    tow::ExchangePublisherOptions asked{.wait_at_most = ns(given.wait_at_most_ns),
                                        .mandatory = given.mandatory,
                                        .carry_routing_key = given.carry_routing_key};
    if (!convert(given.when_full, TOW_WHEN_FULL_DROP, asked.when_full)) {
      return bad_member("tow_exchange_publisher_options.when_full");
    }
    auto opened = exchange->exchange.publisher(asked);
    if (opened) *publisher = new tow_exchange_publisher{std::move(*opened)};
    return code_of(opened);
  });
}

void tow_exchange_publisher_close(tow_exchange_publisher* publisher) { delete publisher; }

tow_code tow_exchange_publish(tow_exchange_publisher* publisher, const char* routing_key,
                              const void* data, size_t bytes, const tow_attributes* attributes,
                              size_t* reached) {
  if (reached != nullptr) *reached = 0;
  if (publisher == nullptr) return null_argument("the publisher");
  if (data == nullptr && bytes != 0) return null_argument("the payload");
  return guarded([&] {
    tow::Attributes asked;
    if (const tow_code fault = read(attributes, asked)) return fault;
    const auto done =
        publisher->publisher.publish(text_or_empty(routing_key), span_of(data, bytes), asked);
    if (reached != nullptr) *reached = publisher->publisher.reached();
    return code_of(done);
  });
}

tow_code tow_exchange_publish_rest(tow_exchange_publisher* publisher, const void* data,
                                   size_t bytes, int64_t timeout_ns, size_t* reached) {
  if (reached != nullptr) *reached = 0;
  if (publisher == nullptr) return null_argument("the publisher");
  if (data == nullptr && bytes != 0) return null_argument("the payload");
  return guarded([&] {
    const std::span payload(static_cast<const std::byte*>(data), bytes);
    const auto done = publisher->publisher.publish_rest(payload, ns(timeout_ns));
    if (reached != nullptr) *reached = publisher->publisher.reached();
    return code_of(done);
  });
}

uint64_t tow_exchange_publisher_dropped(const tow_exchange_publisher* publisher) {
  return ask(publisher, "the publisher", uint64_t{0},
             [](const tow_exchange_publisher& it) { return it.publisher.dropped(); });
}
