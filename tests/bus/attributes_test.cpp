#include "towpath/attributes.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "tests/bus/notes.hpp"
#include "tests/support/expect_error.hpp"

namespace tow {
namespace {

using test::Note;
using test::TempBus;
using testing::HasSubstr;
using namespace std::chrono_literals;

Headers some_headers() {
  return {{"retries", 3},       {"trace", "4bf92f"},
          {"ratio", 0.25},      {"urgent", true},
          {"nothing", nullptr}, {"raw", std::vector<std::byte>{std::byte{0}, std::byte{255}}},
          {"trace", "00f067"}};
}

Attributes everything() {
  return {.key = "EURUSD",
          .tag = "quote",
          .time_to_live = 1h,
          .delay = 2h,
          .priority = 7,
          .correlation_id = "request 17",
          .reply_topic = "replies.me",
          .content_type = "application/json",
          .headers = some_headers()};
}

template <class T>
void expect_everything(const Message<T>& message) {
  EXPECT_EQ(message.key(), "EURUSD");
  EXPECT_TRUE(message.has_tag("quote"));
  EXPECT_FALSE(message.has_tag("trade"));
  EXPECT_FALSE(message.expired());
  EXPECT_EQ(message.priority(), 7);
  EXPECT_EQ(message.correlation_id(), "request 17");
  EXPECT_EQ(message.reply_topic(), "replies.me");
  EXPECT_EQ(message.content_type(), "application/json");
  EXPECT_EQ(message.headers(), some_headers());
  ASSERT_TRUE(message.expires_at() && message.due_at());
  EXPECT_EQ(*message.due_at() - *message.expires_at(), 1h);
}

template <class T>
void expect_nothing(const Message<T>& message) {
  EXPECT_EQ(message.key(), "");
  EXPECT_FALSE(message.has_tag(""));
  EXPECT_EQ(message.tag_hash(), 0U);
  EXPECT_FALSE(message.expires_at());
  EXPECT_FALSE(message.expired());
  EXPECT_FALSE(message.due_at());
  EXPECT_EQ(message.priority(), 0);
  EXPECT_EQ(message.correlation_id(), "");
  EXPECT_EQ(message.reply_topic(), "");
  EXPECT_EQ(message.content_type(), "");
  EXPECT_TRUE(message.headers().empty());
}

class AttributesOf : public testing::TestWithParam<Publishers> {
 protected:
  template <class T = Bytes>
  Topic<T> topic(TopicOptions options = {}) {
    options.publishers = GetParam();
    return bus_.open().topic<T>("notes", options).value();
  }
  const TempBus bus_;
};

TEST_P(AttributesOf, BytesTravelWithSmallAndLargePayloads) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  for (const std::size_t size : {0, 1, 48, 5000, 64 << 10}) {
    SCOPED_TRACE(size);
    const std::string payload(size, 'p');
    publisher.publish(payload, everything()).value();
    publisher.publish(payload, Attributes{}).value();
    publisher.publish(std::as_bytes(std::span(payload)), everything()).value();
    for (const bool with : {true, false, true}) {
      const auto message = subscriber.try_take();
      ASSERT_TRUE(message);
      EXPECT_EQ(message.text(), payload);
      with ? expect_everything(message) : expect_nothing(message);
    }
  }
}

TEST_P(AttributesOf, ValuesTravelInTheSlotAndInThePool) {
  const auto notes = topic<Note>();
  auto subscriber = notes.subscriber().value();
  auto publisher = notes.publisher().value();
  publisher.publish(Note::of(1, 0), everything()).value();
  publisher.publish(Note::of(1, 1), {.delay = 1h, .priority = 3}).value();
  publisher.publish(Note::of(1, 2)).value();
  const auto first = subscriber.try_take(), second = subscriber.try_take(),
             third = subscriber.try_take();
  ASSERT_TRUE(first && second && third);
  EXPECT_TRUE(first->whole() && second->whole() && third->whole());
  expect_everything(first);
  EXPECT_EQ(second.priority(), 3);
  EXPECT_TRUE(second.due_at());
  expect_nothing(third);
}

TEST_P(AttributesOf, LoansNeedNoCopyForTheUsualAndOneForTheLong) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  const std::string long_text(10'000, 't');
  for (const std::size_t size : {0, 20, 3000}) {
    for (const Headers& headers : {Headers{}, Headers{{"t", long_text}}}) {
      auto loan = publisher.loan(size).value();
      loan.fill(std::byte{'x'});
      publisher.publish(std::move(loan), {.key = "of a loan", .headers = headers}).value();
      const auto message = subscriber.try_take();
      ASSERT_TRUE(message);
      EXPECT_EQ(message.text(), std::string(size, 'x'));
      EXPECT_EQ(message.key(), "of a loan");
      EXPECT_EQ(message.headers(), headers);
    }
  }
  const auto notes = bus_.open().topic<Note>("typed", {.publishers = GetParam()}).value();
  auto note_reader = notes.subscriber().value();
  auto note_writer = notes.publisher().value();
  auto loan = note_writer.loan().value();
  *loan = Note::of(3, 0);
  note_writer.publish(std::move(loan), everything()).value();
  expect_everything(note_reader.try_take());
}

TEST_P(AttributesOf, BatchGivesTheSameToEachMessage) {
  const auto notes = topic<Note>({.depth = 1024});
  auto subscriber = notes.subscriber().value();
  auto publisher = notes.publisher().value();
  std::vector<Note> batch;
  for (std::uint64_t i = 0; i < 100; ++i) batch.push_back(Note::of(1, i));
  EXPECT_EQ(publisher.publish_batch(batch, everything()).value(), 100U);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto note = subscriber.try_take();
    ASSERT_TRUE(note);
    EXPECT_EQ(note->count, i);
    expect_everything(note);
  }
  const auto bytes = bus_.open().topic("bytes", {.publishers = GetParam()}).value();
  auto reader = bytes.subscriber().value();
  auto writer = bytes.publisher().value();
  const std::string payloads(30, 'b');
  EXPECT_EQ(writer.publish_batch(std::as_bytes(std::span(payloads)), 10, {.key = "k"}).value(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reader.try_take().key(), "k");
}

TEST_P(AttributesOf, BatchStopsWhereTheTopicIsFull) {
  const auto notes = topic<Note>({.depth = 16});
  auto subscriber = notes.subscriber().value();
  auto publisher = notes.publisher({.when_full = WhenFull::fail}).value();
  const std::vector<Note> batch(100, Note::of(1, 0));
  const std::size_t sent = publisher.publish_batch(batch, {.key = "k"}).value();
  EXPECT_GE(sent, 16U);
  EXPECT_LT(sent, 100U);
  EXPECT_EQ(notes.last_sequence(), sent);
}

TEST_P(AttributesOf, TimesCountFromTheCall) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  const auto before = std::chrono::steady_clock::now();
  publisher.publish("x", {.time_to_live = 1h, .delay = 1min}).value();
  const auto after = std::chrono::steady_clock::now();
  const auto message = subscriber.try_take();
  ASSERT_TRUE(message) << "a subscriber sees it at once, whatever its delay";
  EXPECT_GE(*message.expires_at(), before + 1h);
  EXPECT_LE(*message.expires_at(), after + 1h);
  EXPECT_GE(*message.due_at(), before + 1min);
  EXPECT_LE(*message.due_at(), after + 1min);
}

TEST_P(AttributesOf, ExpiredMessageIsStillTakenAndSaysSo) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  publisher.publish("old", {.time_to_live = 1ns}).value();
  publisher.publish("ageless", {.time_to_live = kForever}).value();
  const auto old = subscriber.try_take();
  EXPECT_TRUE(test::eventually([&] { return old.expired(); }));
  EXPECT_EQ(old.text(), "old");
  const auto ageless = subscriber.try_take();
  EXPECT_FALSE(ageless.expires_at());
  EXPECT_FALSE(ageless.expired());
}

TEST_P(AttributesOf, LimitsAreNamedWithTheAttributeAndTheTopic) {
  auto publisher = topic().publisher().value();
  const std::string longer(256, 'x');
  const auto refused = [&](const Attributes& attributes, const std::string& attribute,
                           const std::string& limit) {
    test::expect_error(publisher.publish("x", attributes), Code::invalid_argument,
                       "topic notes: the attribute " + attribute, limit);
    test::expect_error(publisher.publish(publisher.loan(1).value(), attributes),
                       Code::invalid_argument, attribute, limit);
    test::expect_error(publisher.publish_batch(std::as_bytes(std::span("ab")), 1, attributes),
                       Code::invalid_argument, attribute, limit);
  };
  refused({.key = longer}, "key is 256 bytes long", "at most 255");
  refused({.tag = longer}, "tag is 256 bytes long", "at most 255");
  refused({.correlation_id = longer}, "correlation_id is 256 bytes long", "at most 255");
  refused({.reply_topic = longer}, "reply_topic is 256 bytes long", "at most 255");
  refused({.content_type = longer}, "content_type is 256 bytes long", "at most 255");
  refused({.time_to_live = -1ns}, "time_to_live is -1 ns", "0 to 100 years");
  refused({.time_to_live = 101 * std::chrono::years(1)}, "time_to_live is", "0 to 100 years");
  refused({.delay = -1s}, "delay is -1000000000 ns", "0 to 100 years");
  refused({.delay = kForever}, "delay is", "0 to 100 years");
  refused({.priority = 8}, "priority is 8", "0 to 7");
  refused({.headers = {{"", 1}}}, "headers is without a name", "each header needs one");
  refused({.headers = {{longer, 1}}}, "headers is given a name of 256 bytes", "at most 255");
  refused({.headers = {{"n", std::string(65'530, 'x')}, {"m", 1}}}, "headers is", "at most 65535");
  EXPECT_EQ(topic().last_sequence(), 0U);
}

TEST_P(AttributesOf, LargestOnesTravelWithTheLargestPayload) {
  const auto bytes = topic({.max_message_bytes = 64 << 10, .pool_bytes = 256 << 10});
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  const std::string longest(255, 'x'), payload(64 << 10, 'p');
  // 65535 bytes with all that is stored of it
  const Headers headers{{longest, std::string(65'535 - 2 - 255 - 2, 'v')}};
  publisher
      .publish(payload, {.key = longest,
                         .tag = longest,
                         .time_to_live = 100 * std::chrono::years(1),
                         .delay = 100 * std::chrono::years(1),
                         .correlation_id = longest,
                         .reply_topic = longest,
                         .content_type = longest,
                         .headers = headers})
      .value();
  const auto message = subscriber.try_take();
  EXPECT_EQ(message.text(), payload);
  EXPECT_EQ(message.content_type(), longest);
  EXPECT_TRUE(message.has_tag(longest));
  EXPECT_EQ(message.headers(), headers);
}

TEST_P(AttributesOf, ThoseThatNeverFitTheMemoryAreAnErrorAndNotAWait) {
  const auto bytes = topic({.max_message_bytes = 1024, .pool_bytes = 1024});
  auto publisher = bytes.publisher().value();
  const Headers headers{{"h", std::string(1000, 'v')}};
  test::expect_error(publisher.publish(std::string(500, 'p'), {.headers = headers}),
                     Code::too_large, "topic notes: a message of 500 bytes and its attributes of",
                     "more pool_bytes");
  test::expect_error(publisher.publish(publisher.loan(500).value(), {.headers = headers}),
                     Code::too_large, "beside the loan", "more pool_bytes");
  auto loan = publisher.loan(1024).value();
  loan.fill(std::byte{'l'});
  publisher.publish(std::move(loan)).value();
}

TEST_P(AttributesOf, MessagesKeepTheirsWhenMoved) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  publisher.publish("x", {.key = "small"}).value();
  publisher.publish(std::string(1000, 'x'), everything()).value();
  Message<> small = subscriber.try_take(), large = subscriber.try_take();
  const Message<> moved_small = std::move(small), moved_large = std::move(large);
  EXPECT_EQ(moved_small.key(), "small");
  expect_everything(moved_large);
}

INSTANTIATE_TEST_SUITE_P(Kinds, AttributesOf, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& chosen) {
                           return chosen.param == Publishers::one ? "one" : "many";
                         });

TEST(Headers, KeepTheirOrderAndAllOfAName) {
  Headers headers = some_headers();
  ASSERT_EQ(headers.size(), 7U);
  EXPECT_EQ(headers[1].name, "trace");
  EXPECT_EQ(headers[6].name, "trace");
  std::string names;
  for (const Header& header : headers) names += header.name + ' ';
  EXPECT_EQ(names, "retries trace ratio urgent nothing raw trace ");
  EXPECT_EQ(headers.remove("trace"), 2U);
  EXPECT_EQ(headers.remove("trace"), 0U);
  EXPECT_EQ(headers.size(), 5U);
  headers.clear();
  EXPECT_TRUE(headers.empty());
}

TEST(Headers, AreFoundByNameAndByType) {
  const Headers headers = some_headers();
  ASSERT_NE(headers.find("trace"), nullptr);
  EXPECT_EQ(std::get<std::string>(*headers.find("trace")), "4bf92f") << "the first of that name";
  EXPECT_EQ(headers.find("absent"), nullptr);
  EXPECT_TRUE(headers.contains("nothing"));
  EXPECT_FALSE(headers.contains("Trace")) << "names are compared byte by byte";
  ASSERT_NE(headers.find<std::int64_t>("retries"), nullptr);
  EXPECT_EQ(*headers.find<std::int64_t>("retries"), 3);
  EXPECT_EQ(headers.find<double>("retries"), nullptr);
  EXPECT_EQ(headers.find<double>("absent"), nullptr);
  EXPECT_EQ(*headers.find<bool>("urgent"), true);
  EXPECT_EQ(*headers.find<std::nullptr_t>("nothing"), nullptr);
}

TEST(Headers, SetReplacesTheFirstAndRemovesTheOthers) {
  Headers headers = some_headers();
  headers.set("trace", 5).set("new", false);
  EXPECT_EQ(headers.size(), 7U);
  EXPECT_EQ(*headers.find<std::int64_t>("trace"), 5);
  EXPECT_EQ(headers[1].name, "trace") << "in its place";
  EXPECT_EQ(headers[6], (Header{"new", false}));
  EXPECT_EQ(headers.remove("trace"), 1U);
}

}  // namespace
}  // namespace tow
