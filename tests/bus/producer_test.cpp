// Producers: what is published again after a crash is out once.

#include <gmock/gmock.h>

#include "tests/support/expect_error.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/towpath.hpp"

namespace tow {
namespace {

using test::Child;
using test::Shared;

class ProducerTest : public testing::TestWithParam<Publishers> {
 protected:
  Topic<Bytes> topic(const Bus& bus) const {
    return bus.topic("orders", {.publishers = GetParam(), .depth = 32}).value();
  }
  Publisher<Bytes> publisher(const Topic<Bytes>& topic, const std::string& name = "feed") const {
    return topic.publisher({.producer = name}).value();
  }
  std::vector<std::string> all(const Topic<Bytes>& topic) const {
    auto reader = topic.observer(Start::oldest());
    std::vector<std::string> texts;
    while (const auto message = reader.try_take()) texts.emplace_back(message.text());
    return texts;
  }

  test::TempDir directory_;
  const std::string path_ = directory_.path() + "/bus";
};

TEST_P(ProducerTest, ANumberThatIsOutIsASuccessThatPublishesNothing) {
  const Bus bus = Bus::open(path_).value();
  const auto orders = topic(bus);
  auto feed = publisher(orders);
  EXPECT_EQ(feed.last_number(), 0U);
  feed.publish("1", {.number = 1}).value();
  feed.publish("5", {.number = 5}).value();
  EXPECT_EQ(feed.last_number(), 5U);
  for (const std::uint64_t number : {1U, 3U, 5U}) feed.publish("x", {.number = number}).value();
  EXPECT_EQ(feed.duplicates(), 3U);
  feed.publish("without").value();
  feed.publish("6", {.number = 6}).value();
  EXPECT_THAT(all(orders), testing::ElementsAre("1", "5", "without", "6"));
}

TEST_P(ProducerTest, GoesOnAfterALeave) {
  const Bus bus = Bus::open(path_).value();
  const auto orders = topic(bus);
  {
    auto feed = publisher(orders);
    feed.publish("1", {.number = 41}).value();
  }
  auto feed = publisher(orders);
  EXPECT_EQ(feed.last_number(), 41U);
}

TEST_P(ProducerTest, TwoNamesHaveTheirOwnNumbers) {
  if (GetParam() == Publishers::one) GTEST_SKIP() << "one publisher is one producer at a time";
  const Bus bus = Bus::open(path_).value();
  const auto orders = topic(bus);
  auto feed = publisher(orders), other = publisher(orders, "other/feed");
  feed.publish("1", {.number = 7}).value();
  other.publish("2", {.number = 3}).value();
  EXPECT_EQ(feed.last_number(), 7U);
  EXPECT_EQ(other.last_number(), 3U);
  EXPECT_THAT(all(orders), testing::ElementsAre("1", "2"));
}

TEST_P(ProducerTest, ANameIsOnePublishersAtATime) {
  if (GetParam() == Publishers::one) GTEST_SKIP() << "there is no second publisher";
  const Bus bus = Bus::open(path_).value();
  const auto orders = topic(bus);
  const auto feed = publisher(orders);
  const auto second = orders.publisher({.producer = "feed"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), Code::publisher_exists);
  EXPECT_THAT(second.error().message(), testing::HasSubstr("feed"));
}

TEST_P(ProducerTest, ANumberNeedsANameAndALimit) {
  const Bus bus = Bus::open(path_).value();
  const auto orders = topic(bus);
  auto nameless = orders.publisher().value();
  const auto refused = nameless.publish("x", {.number = 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::invalid_argument);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("option producer"));
  const auto beyond = nameless.publish("x", {.number = 1ULL << 62});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error(), Code::invalid_argument);
  EXPECT_THAT(all(orders), testing::IsEmpty());
}

/// Publishes numbers 1 to `last`, and dies before the last was written down.
void die_behind(const std::string& path, Publishers kind, std::uint64_t last,
                const std::string& filler) {
  const Shared<std::atomic<bool>> ready;
  Child child([&] {
    const Bus bus = Bus::open(path).value();
    const auto orders = bus.topic("orders", {.publishers = kind, .depth = 32}).value();
    auto feed = orders.publisher({.producer = "feed"}).value();
    for (std::uint64_t n = 1; n <= last; ++n) {
      feed.publish(std::to_string(n) + filler, {.number = n}).value();
    }
    const auto file =
        shm::Segment::open(shm::Directory::open(path + "/topics/orders/producers").value(), "feed",
                           shm::SegmentKind::producer, shm::Access::read_write)
            .value();
    file.as<shm::ProducerLayout>()->number.store(last - 1, shm::kRelaxed);
    *ready = true;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return ready->load(); }));
  child.kill();
}

TEST_P(ProducerTest, WhatADeadOneHadPublishedAndNotWrittenDownIsKnown) {
  for (const std::size_t filler : {std::size_t{0}, std::size_t{900}}) {
    const test::TempDir place;
    const std::string path = place.path() + "/bus";
    const Bus before = Bus::open(path).value();
    die_behind(path, GetParam(), 5, std::string(filler, '.'));
    const Bus bus = Bus::open(path).value();
    const auto orders = topic(bus);
    auto feed = publisher(orders);
    EXPECT_EQ(feed.last_number(), 5U);
    feed.publish("again", {.number = 5}).value();
    EXPECT_EQ(feed.duplicates(), 1U);
    EXPECT_EQ(orders.last_sequence(), 5U);
  }
}

TEST_P(ProducerTest, WhoAdoptsTheLaneRemembersItBeforeTheMessageIsOverwritten) {
  const Bus before = Bus::open(path_).value();
  die_behind(path_, GetParam(), 5, "");
  const Bus bus = Bus::open(path_).value();
  const auto orders = topic(bus);
  {
    auto heir = orders.publisher().value();
    for (int i = 0; i < 200; ++i) heir.publish("x").value();
  }
  EXPECT_EQ(publisher(orders).last_number(), 5U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ProducerTest, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow
