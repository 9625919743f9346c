// Payloads of one size, copied to an array.
#include <gmock/gmock.h>
#include <poll.h>

#include <numeric>
#include <thread>

#include "tests/support/temp_bus.hpp"

namespace tow::test {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class ValuesTaken : public testing::Test {
 protected:
  Topic<> topic(TopicOptions options = {}) const { return bus.topic("values", options).value(); }
  static void publish(Publisher<>& publisher, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t value = first; value < first + count; ++value) {
      ASSERT_TRUE(publisher.publish(std::as_bytes(std::span(&value, 1))));
    }
  }
  std::span<std::byte> room(std::size_t count) {
    values.assign(count, 0);
    return std::as_writable_bytes(std::span(values));
  }
  std::vector<std::uint64_t> first(std::size_t count) const {
    return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count)};
  }
  static std::vector<std::uint64_t> from(std::uint64_t first, std::size_t count) {
    std::vector<std::uint64_t> all(count);
    std::iota(all.begin(), all.end(), first);
    return all;
  }

  TempBus place;
  Bus bus = place.open();
  std::vector<std::uint64_t> values;
};

TEST_F(ValuesTaken, CopiesThemInOrderAndNoMoreThanThereIsRoomFor) {
  for (const Publishers kind : {Publishers::one, Publishers::many}) {
    auto to = bus.topic(kind == Publishers::one ? "one" : "many", {.publishers = kind}).value();
    auto publisher = to.publisher().value();
    auto subscriber = to.subscriber().value();
    EXPECT_EQ(subscriber.take_values(room(4), 8, 0ns).value(), 0U);
    publish(publisher, 1, 10);
    EXPECT_EQ(subscriber.take_values(room(4), 8).value(), 4U);
    EXPECT_EQ(values, from(1, 4));
    EXPECT_EQ(subscriber.take_values(room(100), 8).value(), 6U);
    EXPECT_EQ(first(6), from(5, 6));
    EXPECT_EQ(subscriber.received(), 10U);
  }
}

TEST_F(ValuesTaken, CopiesThoseWithAttributesAndThoseFromThePool) {
  struct Large {
    std::uint64_t number;
    std::byte rest[992];
  };
  auto to = topic();
  auto publisher = to.publisher().value();
  auto subscriber = to.subscriber().value();
  std::uint64_t value = 7;
  ASSERT_TRUE(publisher.publish(std::as_bytes(std::span(&value, 1)), {.key = "k"}));
  publish(publisher, 8, 1);
  EXPECT_EQ(subscriber.take_values(room(2), 8).value(), 2U);
  EXPECT_EQ(values, from(7, 2));
  constexpr std::size_t kMoreThanHolds = 100;
  std::vector<Large> sent(kMoreThanHolds), got(kMoreThanHolds);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = {.number = i, .rest = {}};
  ASSERT_TRUE(publisher.publish_batch(std::as_bytes(std::span(sent)), sizeof(Large)));
  EXPECT_EQ(subscriber.take_values(std::as_writable_bytes(std::span(got)), sizeof(Large)).value(),
            kMoreThanHolds);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].number, i);
  EXPECT_EQ(to.info().subscribers.at(0).held, 0U);
}

TEST_F(ValuesTaken, AnotherSizeEndsThemAndIsSkippedAsTheFirst) {
  auto to = topic();
  auto publisher = to.publisher().value();
  auto subscriber = to.subscriber().value();
  publish(publisher, 1, 3);
  ASSERT_TRUE(publisher.publish("short"));
  ASSERT_TRUE(publisher.publish(std::string(1000, 'l')));
  publish(publisher, 4, 1);
  EXPECT_EQ(subscriber.take_values(room(100), 8).value(), 3U);
  EXPECT_EQ(first(3), from(1, 3));
  const auto skipped = subscriber.take_values(room(100), 8);
  ASSERT_FALSE(skipped);
  EXPECT_EQ(skipped.error(), Code::type_mismatch);
  EXPECT_THAT(skipped.error().message(), HasSubstr("message 4 has 5 bytes"));
  EXPECT_EQ(subscriber.take().text(), std::string(1000, 'l')) << "another take gets it";
  EXPECT_EQ(subscriber.take_values(room(100), 8).value(), 1U);
  EXPECT_EQ(first(1), from(4, 1));
  EXPECT_EQ(subscriber.lost(), 0U);
}

TEST_F(ValuesTaken, OfNoBytesAreRefused) {
  auto subscriber = topic().subscriber().value();
  EXPECT_EQ(subscriber.take_values(room(1), 0, 0ns).error(), Code::invalid_argument);
}

TEST_F(ValuesTaken, WaitsForTheFirst) {
  auto to = topic();
  auto subscriber = to.subscriber({.spin = 0ns}).value();
  std::thread later([&] {
    auto publisher = to.publisher().value();
    publish(publisher, 5, 1);
  });
  EXPECT_EQ(subscriber.take_values(room(10), 8).value(), 1U);
  EXPECT_EQ(values[0], 5U);
  later.join();
  EXPECT_EQ(subscriber.take_values(room(10), 8, 1ms).value(), 0U);
}

TEST_F(ValuesTaken, TellsTheDescriptorThatNothingIsLeft) {
  auto to = topic();
  auto publisher = to.publisher().value();
  auto subscriber = to.subscriber().value();
  struct pollfd ready {
    subscriber.fd().value(), POLLIN, 0
  };
  for (std::uint64_t round = 1; round < 4; ++round) {
    publish(publisher, round, 1);
    ASSERT_EQ(poll(&ready, 1, 10'000), 1);
    EXPECT_EQ(subscriber.take_values(room(4), 8, 0ns).value(), 1U);
    EXPECT_EQ(values[0], round);
    EXPECT_EQ(subscriber.take_values(room(4), 8, 0ns).value(), 0U);
  }
}

TEST_F(ValuesTaken, CountsWhatALossySubscriberMissed) {
  auto to = topic({.depth = 16});
  auto publisher = to.publisher().value();
  auto subscriber = to.subscriber({.kind = SubscriberKind::lossy}).value();
  publish(publisher, 1, 1000);
  const std::size_t count = subscriber.take_values(room(1000), 8).value();
  EXPECT_GE(count, 16U);
  EXPECT_EQ(first(count), from(1001 - count, count));
  EXPECT_EQ(subscriber.lost(), 1000 - count);
}

TEST_F(ValuesTaken, SaysWhyItEnds) {
  auto to = topic();
  auto publisher = to.publisher().value();
  auto subscriber = to.subscriber().value();
  publish(publisher, 1, 2);
  ASSERT_TRUE(bus.remove_topic("values"));
  EXPECT_EQ(subscriber.take_values(room(10), 8).value(), 2U) << "what is there comes first";
  EXPECT_EQ(subscriber.take_values(room(10), 8).error(), Code::removed);
}

/// Sizes that change under a lossy reader: each value is one that was published, in order.
TEST_F(ValuesTaken, NeverMixesSizesThatChangeMeanwhile) {
  auto to = topic({.publishers = Publishers::one, .depth = 16});
  auto subscriber = to.subscriber({.kind = SubscriberKind::lossy}).value();
  std::atomic<bool> stop = false;
  std::thread publishing([&] {
    auto publisher = to.publisher().value();
    const std::string other(24, '\xFF');
    for (std::uint64_t value = 1; !stop.load(std::memory_order_relaxed); ++value) {
      ASSERT_TRUE(publisher.publish(std::as_bytes(std::span(&value, 1))));
      if (value % 3 != 0) continue;
      ASSERT_TRUE(publisher.publish(other));
    }
  });
  std::uint64_t last = 0;
  std::size_t taken = 0;
  while (taken < 20'000) {
    const auto count = subscriber.take_values(room(64), 8);
    if (!count) {
      ASSERT_EQ(count.error(), Code::type_mismatch) << count.error().message();
      continue;
    }
    for (const std::uint64_t value : first(*count)) {
      ASSERT_GT(value, last);
      ASSERT_NE(value, UINT64_MAX);
      last = value;
    }
    taken += *count;
  }
  stop.store(true, std::memory_order_relaxed);
  publishing.join();
}

}  // namespace
}  // namespace tow::test
