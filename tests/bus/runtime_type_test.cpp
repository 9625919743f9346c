// Topics and services whose type is known only when the program runs, for other languages.
#include <gmock/gmock.h>

#include "tests/bus/notes.hpp"

namespace tow::test {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

struct Pair {
  std::int64_t a, b;
};
constexpr TypeInfo kPair = type_info<Pair>();
const std::string kGood(sizeof(Pair), 'x'), kShort(sizeof(Pair) - 1, 'x');

TypeInfo type_of_notes() { return type_info(type_name<Note>(), sizeof(Note), alignof(Note)); }

std::span<const std::byte> bytes_in(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class RuntimeType : public testing::Test {
 protected:
  TempBus place;
  Bus bus = place.open();
};

TEST_F(RuntimeType, HasTheFingerprintOfTheTemplates) {
  EXPECT_EQ(type_of_notes().fingerprint, type_info<Note>().fingerprint);
  EXPECT_EQ(type_info("anything", 0, 1).fingerprint, type_info<Bytes>().fingerprint);
  EXPECT_NE(type_info("a", 8, 8).fingerprint, type_info("a", 8, 4).fingerprint);
  EXPECT_NE(type_info("a", 8, 8).fingerprint, type_info("b", 8, 8).fingerprint);
}

TEST_F(RuntimeType, TopicOfItIsTheTemplatesTopic) {
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

TEST_F(RuntimeType, NamesAndAlignmentsThatAreNoneAreRefused) {
  for (const TypeInfo& type :
       {type_info("", 8, 8), type_info(std::string_view("a\0b", 3), 8, 8), type_info("a", 8, 3),
        type_info("a", 8, 32), type_info("a", 12, 8), type_info("a", 8, 0)}) {
    const auto topic = bus.topic("notes", {}, type);
    ASSERT_FALSE(topic) << type.name << ' ' << type.bytes << ' ' << type.align;
    EXPECT_EQ(topic.error(), Code::invalid_argument);
  }
  EXPECT_TRUE(bus.topics().empty());
}

TEST_F(RuntimeType, APublisherOfBytesRefusesOtherSizes) {
  auto topic = bus.topic("pairs", {.max_message_bytes = 4096}, kPair).value();
  auto publisher = topic.publisher().value();
  const std::string long_one(17, 'x');
  for (const std::string& wrong : {kShort, long_one, std::string()}) {
    const auto refused = publisher.publish(wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), Code::type_mismatch);
    EXPECT_THAT(refused.error().message(), HasSubstr("carries a type of 16 bytes"));
    EXPECT_EQ(publisher.publish(wrong, {.key = "k"}).error(), Code::type_mismatch);
    EXPECT_EQ(publisher.loan(wrong.size()).error(), Code::type_mismatch);
    if (wrong.empty()) continue;
    EXPECT_EQ(publisher.publish_batch(bytes_in(wrong), wrong.size()).error(), Code::type_mismatch);
  }
  EXPECT_EQ(topic.last_sequence(), 0U);
  EXPECT_TRUE(publisher.publish(kGood, {.key = "k"}));
  EXPECT_TRUE(publisher.publish_batch(bytes_in(kGood), kGood.size()));
  EXPECT_EQ(topic.last_sequence(), 2U);
}

TEST_F(RuntimeType, ALoanThatWasShrunkIsRefusedInPlaceToo) {
  constexpr TypeInfo kLarge = type_info("large", 8192, 8);
  auto publisher = bus.topic("large", {}, kLarge).value().publisher().value();
  auto loan = publisher.loan(8192).value();
  loan.shrink(8191);
  EXPECT_EQ(publisher.publish(std::move(loan)).error(), Code::type_mismatch);
}

TEST_F(RuntimeType, ASettlementRefusesOtherSizes) {
  auto queue = bus.queue("work").value();
  auto consumer = queue.consumer().value();
  auto results = bus.topic("pairs", {}, kPair).value().publisher().value();
  ASSERT_TRUE(queue.publisher().value().publish("do"));
  auto delivery = consumer.take(10s);
  auto settlement = consumer.settle(delivery);
  EXPECT_EQ(settlement.publish(results, kShort).error(), Code::type_mismatch);
  EXPECT_TRUE(settlement.publish(results, kGood));
  EXPECT_TRUE(settlement.commit());
}

TEST_F(RuntimeType, AServiceTakesRequestsOfItsTypeOnly) {
  auto server = bus.server<Pair, Bytes>("sum").value();
  auto client = bus.client("sum", {}, kPair).value();
  auto refused = client.send(kShort);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::type_mismatch);
  EXPECT_EQ(client.in_flight(), 0U);
  auto call = client.send(kGood).value();
  auto request = server.take(10s);
  ASSERT_TRUE(request);
  EXPECT_EQ(request.message().sequence(), request.sequence());
  EXPECT_EQ(request.message().text(), kGood);
  EXPECT_TRUE(request.reply("ok"));
  EXPECT_EQ(call.get().value().text(), "ok");
  EXPECT_EQ(bus.server("sum", {}, type_info("other", 16, 8)).error(), Code::type_mismatch);
  EXPECT_TRUE(bus.server("sum", {}, kPair));
}

TEST_F(RuntimeType, ABatchThatFoundNoRoomSaysHowMuchIsOut) {
  auto topic = bus.topic("pairs", {.depth = 16}, kPair).value();
  auto subscriber = topic.subscriber().value();
  auto publisher = topic.publisher({.wait_at_most = 1ms}).value();
  const std::string many(sizeof(Pair) * 1000, 'x');
  EXPECT_EQ(publisher.publish_batch(bytes_in(many), sizeof(Pair)).error(), Code::timed_out);
  EXPECT_GE(publisher.published_of_batch(), 16U);
  EXPECT_EQ(publisher.published_of_batch(), topic.last_sequence());
  EXPECT_EQ(publisher.publish_batch(bytes_in(many), sizeof(Pair), {.key = "k"}).error(),
            Code::timed_out);
  EXPECT_EQ(publisher.published_of_batch(), 0U);
}

}  // namespace
}  // namespace tow::test
