#pragma once
/// A bus, topics and queues through the C header, for the tests of the C library.

#include <gmock/gmock.h>

#include <string>
#include <string_view>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/towpath.h"

namespace tow::test {

/// Nanoseconds that nothing here takes: who waits so long waits for what never comes.
inline constexpr std::int64_t kLong = 120'000'000'000;

/// Fails the test with the error's text unless `code` is TOW_OK.
#define TOW_EXPECT_OK(code) EXPECT_EQ((code), TOW_OK) << tow_error_text()
#define TOW_ASSERT_OK(code) ASSERT_EQ((code), TOW_OK) << tow_error_text()

inline std::string text_in(tow_view view) {
  return {static_cast<const char*>(view.data), view.bytes};
}
inline std::string payload_of(const tow_message* message) {
  return text_in(tow_message_payload(message));
}
inline tow_value integer_value(std::int64_t of) {
  tow_value value{};
  value.kind = TOW_VALUE_INTEGER;
  value.integer = of;
  return value;
}
inline tow_value text_value(const char* of) {
  tow_value value{};
  value.kind = TOW_VALUE_TEXT;
  value.view = tow_text(of);
  return value;
}

/// Opens what it is asked for, and closes it all at its end, in the order in which it was opened.
class CBus {
 public:
  CBus() { TOW_EXPECT_OK(tow_bus_open(at_.name().c_str(), nullptr, &bus_)); }
  ~CBus() {
    tow_bus_close(bus_);
    for (tow_topic* const topic : topics_) tow_topic_close(topic);
    for (tow_group* const group : groups_) tow_group_close(group);
    for (tow_publisher* const publisher : publishers_) tow_publisher_close(publisher);
    for (tow_subscriber* const subscriber : subscribers_) tow_subscriber_close(subscriber);
    for (tow_consumer* const consumer : consumers_) tow_consumer_close(consumer);
    for (tow_message* const message : messages_) tow_message_free(message);
    for (tow_delivery* const delivery : deliveries_) tow_delivery_free(delivery);
  }
  CBus(const CBus&) = delete;

  const TempBus& at() const { return at_; }
  tow_bus* bus() const { return bus_; }

  tow_topic* topic(const char* name, const tow_topic_options* options = nullptr) {
    topics_.push_back(nullptr);
    TOW_EXPECT_OK(tow_topic_open(bus_, name, options, &topics_.back()));
    return topics_.back();
  }
  tow_publisher* publisher(const tow_topic* topic) {
    publishers_.push_back(nullptr);
    TOW_EXPECT_OK(tow_publisher_open(topic, nullptr, &publishers_.back()));
    return publishers_.back();
  }
  tow_subscriber* subscriber(const tow_topic* topic) {
    subscribers_.push_back(nullptr);
    TOW_EXPECT_OK(tow_subscriber_open(topic, nullptr, &subscribers_.back()));
    return subscribers_.back();
  }
  /// The queue's group; topic() opens its topic again.
  tow_group* queue(const char* name, const tow_group_options* options = nullptr) {
    topics_.push_back(nullptr);
    groups_.push_back(nullptr);
    TOW_EXPECT_OK(tow_queue_open(bus_, name, options, nullptr, &topics_.back(), &groups_.back()));
    return groups_.back();
  }
  tow_consumer* consumer(const tow_group* group, const tow_consumer_options* options = nullptr) {
    consumers_.push_back(nullptr);
    TOW_EXPECT_OK(tow_consumer_open(group, options, &consumers_.back()));
    return consumers_.back();
  }
  tow_message* message() {
    messages_.push_back(nullptr);
    TOW_EXPECT_OK(tow_message_new(&messages_.back()));
    return messages_.back();
  }
  tow_delivery* delivery() {
    deliveries_.push_back(nullptr);
    TOW_EXPECT_OK(tow_delivery_new(&deliveries_.back()));
    return deliveries_.back();
  }

 private:
  TempBus at_;
  tow_bus* bus_ = nullptr;
  std::vector<tow_topic*> topics_;
  std::vector<tow_group*> groups_;
  std::vector<tow_publisher*> publishers_;
  std::vector<tow_subscriber*> subscribers_;
  std::vector<tow_consumer*> consumers_;
  std::vector<tow_message*> messages_;
  std::vector<tow_delivery*> deliveries_;
};

inline tow_code publish_text(tow_publisher* publisher, const char* text,
                             const tow_attributes* attributes = nullptr) {
  return tow_publish(publisher, text, std::string_view(text).size(), attributes);
}

}  // namespace tow::test
