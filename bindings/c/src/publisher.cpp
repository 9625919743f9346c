#include "towpath/publisher.hpp"

#include "attributes.hpp"
#include "handles.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

constexpr tow_publisher_options kDefaults{.struct_bytes = sizeof(tow_publisher_options),
                                          .when_full = TOW_WHEN_FULL_WAIT,
                                          .wait_at_most_ns = TOW_FOREVER,
                                          .take_over_within_ns = 0,
                                          .producer = nullptr};

}  // namespace

void tow_publisher_options_init_sized(tow_publisher_options* options, size_t struct_bytes) {
  initialise(options, struct_bytes, kDefaults);
}

tow_code tow_publisher_open(const tow_topic* topic, const tow_publisher_options* options,
                            tow_publisher** publisher) {
  if (const tow_code fault =
          need({{topic, "the topic"}, {publisher, "the pointer to the publisher"}})) {
    return fault;
  }
  tow_publisher_options given = kDefaults;
  if (const tow_code fault = read(options, "tow_publisher_options", given)) return fault;
  return guarded([&] {
    tow::PublisherOptions asked{.wait_at_most = ns(given.wait_at_most_ns),
                                .take_over_within = ns(given.take_over_within_ns),
                                .producer = std::string(text_or_empty(given.producer))};
    if (!convert(given.when_full, TOW_WHEN_FULL_DROP, asked.when_full)) {
      return bad_member("tow_publisher_options.when_full");
    }
    auto opened = topic->topic.publisher(asked);
    if (opened) *publisher = new tow_publisher(std::move(*opened));
    return code_of(opened);
  });
}

void tow_publisher_close(tow_publisher* publisher) {
  if (publisher != nullptr) publisher->let_go();
}

tow_code tow_publish(tow_publisher* publisher, const void* data, size_t bytes,
                     const tow_attributes* attributes) {
  if (publisher == nullptr) return null_argument("the publisher");
  if (data == nullptr && bytes != 0) return null_argument("the payload");
  return guarded([&] {
    if (attributes == nullptr) return code_of(publisher->publisher.publish(span_of(data, bytes)));
    tow::Attributes asked;
    if (const tow_code fault = read(attributes, asked)) return fault;
    return code_of(publisher->publisher.publish(span_of(data, bytes), asked));
  });
}

tow_code tow_publish_batch(tow_publisher* publisher, const void* data, size_t bytes, size_t count,
                           const tow_attributes* attributes, size_t* published) {
  if (published != nullptr) *published = 0;
  if (publisher == nullptr) return null_argument("the publisher");
  if (data == nullptr && count != 0) return null_argument("the payload");
  size_t all = 0;
  if (bytes == 0 || __builtin_mul_overflow(bytes, count, &all)) {
    return fail(TOW_INVALID_ARGUMENT, "a batch of payloads of 0 bytes, or of more than there are");
  }
  if (count == 0) return TOW_OK;
  return guarded([&] {
    tow::Attributes asked;
    if (const tow_code fault = read(attributes, asked)) return fault;
    tow::Publisher<>& to = publisher->publisher;
    const auto payloads = span_of(data, all);
    const auto done = attributes == nullptr ? to.publish_batch(payloads, bytes)
                                            : to.publish_batch(payloads, bytes, asked);
    if (published != nullptr) *published = to.published_of_batch();
    return code_of(done);
  });
}

void tow_publisher_wait_at_most(tow_publisher* publisher, int64_t timeout_ns) {
  if (publisher == nullptr) return (void)null_argument("the publisher");
  publisher->publisher.wait_at_most(ns(timeout_ns));
}

uint64_t tow_publisher_last_sequence(const tow_publisher* publisher) {
  return ask(publisher, "the publisher", uint64_t{0},
             [](const tow_publisher& it) { return it.publisher.last_sequence(); });
}

uint64_t tow_publisher_dropped(const tow_publisher* publisher) {
  return ask(publisher, "the publisher", uint64_t{0},
             [](const tow_publisher& it) { return it.publisher.dropped(); });
}

uint64_t tow_publisher_last_number(const tow_publisher* publisher) {
  return ask(publisher, "the publisher", uint64_t{0},
             [](const tow_publisher& it) { return it.publisher.last_number(); });
}

uint64_t tow_publisher_duplicates(const tow_publisher* publisher) {
  return ask(publisher, "the publisher", uint64_t{0},
             [](const tow_publisher& it) { return it.publisher.duplicates(); });
}
