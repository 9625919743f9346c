#include <poll.h>

#include <cstring>
#include <vector>

#include "tests/c/fixture.hpp"
#include "towpath/towpath.hpp"

namespace tow::test {
namespace {

using namespace std::chrono_literals;

/// A value of the topic that C knows as {"sample", 8, 4}.
struct Sample {
  std::int32_t number;
  float value;
};

}  // namespace
}  // namespace tow::test

template <>
constexpr std::string_view tow::type_name<tow::test::Sample>() {
  return "sample";
}

namespace tow::test {
namespace {

/// All kinds of values, in this order.
Headers all_headers() {
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{255}};
  return {{"null", nullptr}, {"yes", true}, {"n", std::int64_t{-5}},
          {"x", 2.5},        {"t", "txt"},  {"b", bytes}};
}

void expect_all(const tow_headers* headers) {
  ASSERT_EQ(tow_headers_size(headers), 6u);
  tow_view name{};
  std::vector<tow_value> values(6);
  std::string names;
  for (std::size_t i = 0; i < 6; ++i) {
    TOW_ASSERT_OK(tow_headers_at(headers, i, &name, &values[i]));
    names += text_in(name) + ' ';
    EXPECT_EQ(values[i].kind, static_cast<tow_value_kind>(i));
  }
  EXPECT_EQ(names, "null yes n x t b ");
  EXPECT_TRUE(values[1].boolean);
  EXPECT_EQ(values[2].integer, -5);
  EXPECT_EQ(values[3].real, 2.5);
  EXPECT_EQ(text_in(values[4].view), "txt");
  EXPECT_EQ(text_in(values[5].view), std::string("\0\xFF", 2));
}

TEST(CMessaging, AttributesAndHeadersFromCppArriveInC) {
  CBus c;
  tow_subscriber* const subscriber = c.subscriber(c.topic("t"));
  auto topic = c.at().open().topic("t").value();
  topic.publisher()
      .value()
      .publish("payload", Attributes{.key = "key",
                                     .tag = "tag",
                                     .time_to_live = 100s,
                                     .delay = 1ns,
                                     .priority = 7,
                                     .correlation_id = "id",
                                     .reply_topic = "answers",
                                     .content_type = "text/plain",
                                     .headers = all_headers()})
      .value();
  tow_message* const message = c.message();
  TOW_ASSERT_OK(tow_subscriber_take(subscriber, kLong, message));
  EXPECT_EQ(payload_of(message), "payload");
  EXPECT_EQ(text_in(tow_message_key(message)), "key");
  EXPECT_TRUE(tow_message_has_tag(message, tow_text("tag")));
  EXPECT_GT(tow_message_expires_at_ns(message), tow_message_due_at_ns(message));
  EXPECT_GT(tow_message_due_at_ns(message), 0u);
  EXPECT_FALSE(tow_message_expired(message));
  EXPECT_EQ(tow_message_priority(message), 7);
  EXPECT_EQ(text_in(tow_message_correlation_id(message)), "id");
  EXPECT_EQ(text_in(tow_message_reply_topic(message)), "answers");
  EXPECT_EQ(text_in(tow_message_content_type(message)), "text/plain");
  tow_headers* headers = nullptr;
  TOW_ASSERT_OK(tow_message_headers(message, &headers));
  expect_all(headers);
  tow_headers_free(headers);
}

/// The same as all_headers(), made through C.
void fill(tow_headers* headers) {
  tow_value value{};
  TOW_EXPECT_OK(tow_headers_add(headers, tow_text("null"), value));
  value.kind = TOW_VALUE_BOOLEAN;
  value.boolean = true;
  TOW_EXPECT_OK(tow_headers_add(headers, tow_text("yes"), value));
  TOW_EXPECT_OK(tow_headers_add(headers, tow_text("n"), integer_value(-5)));
  value.kind = TOW_VALUE_REAL;
  value.real = 2.5;
  TOW_EXPECT_OK(tow_headers_add(headers, tow_text("x"), value));
  TOW_EXPECT_OK(tow_headers_add(headers, tow_text("t"), text_value("txt")));
  value.kind = TOW_VALUE_BYTES;
  value.view = {"\0\xFF", 2};
  TOW_EXPECT_OK(tow_headers_add(headers, tow_text("b"), value));
  value.kind = static_cast<tow_value_kind>(6);
  EXPECT_EQ(tow_headers_add(headers, tow_text("z"), value), TOW_INVALID_ARGUMENT);
}

TEST(CMessaging, AttributesAndHeadersFromCArriveInCpp) {
  CBus c;
  tow_topic* const topic = c.topic("t");
  auto subscriber = c.at().open().topic("t").value().subscriber().value();
  tow_headers* headers = nullptr;
  TOW_ASSERT_OK(tow_headers_new(&headers));
  fill(headers);
  expect_all(headers);
  tow_publisher_options options;
  tow_publisher_options_init(&options);
  options.producer = "numbered";
  tow_publisher* publisher = nullptr;
  TOW_ASSERT_OK(tow_publisher_open(topic, &options, &publisher));
  tow_attributes attributes;
  tow_attributes_init(&attributes);
  attributes.key = tow_text("key");
  attributes.tag = tow_text("tag");
  attributes.time_to_live_ns = kLong;
  attributes.delay_ns = 1;
  attributes.priority = 7;
  attributes.correlation_id = tow_text("id");
  attributes.reply_topic = tow_text("answers");
  attributes.content_type = tow_text("text/plain");
  attributes.headers = headers;
  attributes.number = 9;
  TOW_ASSERT_OK(publish_text(publisher, "payload", &attributes));
  TOW_ASSERT_OK(publish_text(publisher, "payload", &attributes));
  EXPECT_EQ(tow_publisher_duplicates(publisher), 1u);
  EXPECT_EQ(tow_publisher_last_number(publisher), 9u);
  tow_headers_free(headers);
  tow_publisher_close(publisher);

  const auto message = subscriber.try_take();
  ASSERT_TRUE(message);
  EXPECT_FALSE(subscriber.try_take());
  EXPECT_EQ(message.text(), "payload");
  EXPECT_EQ(message.key(), "key");
  EXPECT_TRUE(message.has_tag("tag"));
  EXPECT_TRUE(message.expires_at() && message.due_at());
  EXPECT_EQ(message.priority(), 7);
  EXPECT_EQ(message.correlation_id(), "id");
  EXPECT_EQ(message.reply_topic(), "answers");
  EXPECT_EQ(message.content_type(), "text/plain");
  EXPECT_EQ(message.headers(), all_headers());
}

TEST(CMessaging, TypedTopicIsTheOneOfCpp) {
  CBus c;
  auto samples = c.at().open().topic<Sample>("samples").value();
  EXPECT_FALSE(c.at().open().topic("samples"));
  tow_topic* untyped = nullptr;
  EXPECT_EQ(tow_topic_open(c.bus(), "samples", nullptr, &untyped), TOW_TYPE_MISMATCH);
  tow_topic_options options;
  tow_topic_options_init(&options);
  options.type = {"sample", sizeof(Sample), alignof(Sample)};
  tow_topic* const topic = c.topic("samples", &options);
  tow_subscriber* const subscriber = c.subscriber(topic);
  auto from_cpp = samples.publisher().value();
  for (int i = 0; i < 5; ++i) from_cpp.publish({i, 0.5F}).value();
  Sample values[3] = {};
  std::size_t count = 0;
  TOW_ASSERT_OK(tow_subscriber_take_values(subscriber, kLong, values, sizeof(Sample), 3, &count));
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(values[2].number, 2);
  TOW_ASSERT_OK(tow_subscriber_take_values(subscriber, kLong, values, sizeof(Sample), 3, &count));
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(tow_subscriber_take_values(subscriber, 0, values, sizeof(Sample), 3, &count),
            TOW_NOTHING);
  auto reader = samples.subscriber().value();
  tow_publisher* const publisher = c.publisher(topic);
  EXPECT_EQ(tow_publish(publisher, values, 3, nullptr), TOW_TYPE_MISMATCH);
  std::size_t published = 9;
  TOW_ASSERT_OK(tow_publish_batch(publisher, values, sizeof(Sample), 3, nullptr, &published));
  EXPECT_EQ(published, 3u);
  EXPECT_EQ(reader.try_take()->number, 3);
}

TEST(CMessaging, LoanIsReadInPlaceAndRefusedOneIsPublishedAgain) {
  CBus c;
  tow_topic* const topic = c.topic("large");
  tow_subscriber* const subscriber = c.subscriber(topic);
  tow_publisher* const publisher = c.publisher(topic);
  tow_loan* loan = nullptr;
  TOW_ASSERT_OK(tow_loan_take(publisher, 5000, &loan));
  EXPECT_EQ(tow_loan_bytes(loan), 5000u);
  std::memset(tow_loan_data(loan), 'z', 5000);
  EXPECT_EQ(tow_loan_publish(loan, 5001, nullptr), TOW_INVALID_ARGUMENT);
  tow_attributes attributes;
  tow_attributes_init(&attributes);
  attributes.priority = 8;
  EXPECT_EQ(tow_loan_publish(loan, 4000, &attributes), TOW_INVALID_ARGUMENT);
  TOW_ASSERT_OK(tow_loan_publish(loan, 4000, nullptr));
  tow_message* const message = c.message();
  TOW_ASSERT_OK(tow_subscriber_take(subscriber, kLong, message));
  EXPECT_EQ(payload_of(message), std::string(4000, 'z'));
  tow_message_release(message);
  EXPECT_EQ(tow_message_sequence(message), 0u);
  EXPECT_EQ(tow_message_payload(message).bytes, 0u);
}

TEST(CMessaging, DescriptorAndWaitAnySayWhoIsReady) {
  CBus c;
  tow_topic* const topic = c.topic("t");
  tow_subscriber* const subscriber = c.subscriber(topic);
  tow_consumer* const consumer = c.consumer(c.queue("q"));
  tow_waitable* const all[] = {tow_consumer_waitable(consumer),
                               tow_subscriber_waitable(subscriber)};
  std::size_t index = 9;
  EXPECT_EQ(tow_wait_any(all, 2, 0, &index), TOW_NOTHING);
  EXPECT_EQ(tow_wait_any(all, 0, 0, &index), TOW_INVALID_ARGUMENT);
  int fd = -1;
  TOW_ASSERT_OK(tow_waitable_fd(all[1], &fd));
  tow_message* const message = c.message();
  EXPECT_EQ(tow_subscriber_take(subscriber, 0, message), TOW_NOTHING);
  TOW_ASSERT_OK(publish_text(c.publisher(topic), "x"));
  pollfd polled{fd, POLLIN, 0};
  EXPECT_EQ(poll(&polled, 1, 120'000), 1);
  TOW_ASSERT_OK(tow_wait_any(all, 2, kLong, &index));
  EXPECT_EQ(index, 1u);
  EXPECT_TRUE(tow_waitable_ready(all[1]));
  EXPECT_FALSE(tow_waitable_ready(all[0]));
}

}  // namespace
}  // namespace tow::test
