#include <gmock/gmock.h>

#include <array>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Note;
using test::TempBus;
using testing::HasSubstr;
using namespace std::chrono_literals;

TypeInfo type_of_notes() { return type_info(type_name<Note>(), sizeof(Note), alignof(Note)); }

std::span<const std::byte> raw(const Note& note) { return std::as_bytes(std::span(&note, 1)); }

TEST(RuntimeType, HasTheFingerprintOfTheTemplates) {
  EXPECT_EQ(type_of_notes().fingerprint, type_info<Note>().fingerprint);
  EXPECT_EQ(type_info("anything", 0, 1).fingerprint, type_info<Bytes>().fingerprint);
  EXPECT_NE(type_info("a", 8, 8).fingerprint, type_info("a", 8, 4).fingerprint);
  EXPECT_NE(type_info("a", 8, 8).fingerprint, type_info("b", 8, 8).fingerprint);
}

TEST(RuntimeType, TopicOfItIsTheTemplatesTopic) {
  const TempBus at;
  const Bus bus = at.open();
  const auto typed = bus.topic<Note>("notes").value();
  const auto untyped = bus.topic("notes", {}, type_of_notes()).value();
  auto reader = untyped.subscriber().value();
  typed.publisher().value().publish(Note::of(1, 2)).value();
  const auto message = reader.try_take();
  ASSERT_TRUE(message);
  EXPECT_EQ(message.bytes().size(), sizeof(Note));
  EXPECT_EQ(bus.topic("notes", {}, type_info("another", sizeof(Note), alignof(Note))).error(),
            Code::type_mismatch);
}

TEST(RuntimeType, OnlyPayloadsOfItsSizeArePublished) {
  const TempBus at;
  const auto topic = at.open().topic("notes", {}, type_of_notes()).value();
  auto publisher = topic.publisher().value();
  EXPECT_TRUE(publisher.publish(raw(Note::of(1, 1))));
  const auto fault = publisher.publish("short");
  ASSERT_FALSE(fault);
  EXPECT_EQ(fault.error(), Code::type_mismatch);
  EXPECT_THAT(fault.error().message(), HasSubstr(std::to_string(sizeof(Note))));
  EXPECT_EQ(topic.last_sequence(), 1U);
}

TEST(RuntimeType, NamesAndAlignmentsThatAreNoneAreRefused) {
  const TempBus at;
  const Bus bus = at.open();
  for (const TypeInfo& type :
       {type_info("", 8, 8), type_info(std::string_view("a\0b", 3), 8, 8), type_info("a", 8, 3),
        type_info("a", 8, 32), type_info("a", 12, 8), type_info("a", 8, 0)}) {
    const auto topic = bus.topic("notes", {}, type);
    ASSERT_FALSE(topic) << type.name << ' ' << type.bytes << ' ' << type.align;
    EXPECT_EQ(topic.error(), Code::invalid_argument);
  }
  EXPECT_TRUE(bus.topics().empty());
}

class TakeValues : public testing::Test {
 protected:
  void publish(std::string_view payload) { publisher_.publish(payload).value(); }
  /// What one call copies, of values of 2 bytes, at most `max` of them.
  Result<std::string> take(std::size_t max) {
    std::array<char, 64> values{};
    const auto taken =
        subscriber_.take_values(std::as_writable_bytes(std::span(values)).first(2 * max), 2, 0ns);
    if (!taken) return taken.error();
    return std::string(values.data(), 2 * *taken);
  }

  TempBus at_;
  Topic<Bytes> topic_ = at_.open().topic("values").value();
  Subscriber<Bytes> subscriber_ = topic_.subscriber().value();
  Publisher<Bytes> publisher_ = topic_.publisher().value();
};

TEST_F(TakeValues, CopiesAsManyAsThereAreAndFit) {
  EXPECT_EQ(take(4).value(), "");
  for (const char* const payload : {"ab", "cd", "ef"}) publish(payload);
  EXPECT_EQ(take(2).value(), "abcd");
  EXPECT_EQ(take(2).value(), "ef");
  EXPECT_EQ(subscriber_.received(), 3U);
}

TEST_F(TakeValues, PayloadOfAnotherSizeEndsTheBatchThenIsAnErrorThenIsSkipped) {
  for (const char* const payload : {"ab", "odd", "cd"}) publish(payload);
  EXPECT_EQ(take(4).value(), "ab");
  const auto odd = take(4);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error(), Code::type_mismatch);
  EXPECT_EQ(take(4).value(), "cd");
}

TEST_F(TakeValues, ValuesOfNoBytesAreRefused) {
  std::array<std::byte, 8> values{};
  EXPECT_EQ(subscriber_.take_values(values, 0, 0ns).error(), Code::invalid_argument);
}

TEST(LoanAgain, LoanWhosePublishingFailedCanBePublishedAgain) {
  const TempBus at;
  const auto topic = at.open().topic("large", {.publishers = Publishers::one, .depth = 16}).value();
  auto subscriber = topic.subscriber().value();
  auto publisher = topic.publisher({.when_full = WhenFull::fail}).value();
  auto loan = publisher.loan(100).value();
  std::memcpy(loan.bytes().data(), "kept", 4);
  std::uint64_t sent = 0;
  while (publisher.publish("filler")) ++sent;
  const auto refused = publisher.publish(std::move(loan));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::full);
  std::uint64_t read = 0;
  while (subscriber.try_take()) ++read;
  EXPECT_EQ(read, sent);
  publisher.publish(std::move(loan)).value();
  const auto message = subscriber.try_take();
  ASSERT_TRUE(message);
  EXPECT_EQ(message.bytes().size(), 100U);
  EXPECT_EQ(message.text().substr(0, 4), "kept");
}

}  // namespace
}  // namespace tow
