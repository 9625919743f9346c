#include <gmock/gmock.h>
#include <sys/resource.h>

#include <thread>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::Shared;
using test::TempBus;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20, kGiB = 1 << 30;

class Limits : public testing::TestWithParam<Publishers> {
 protected:
  Result<Topic<>> topic(TopicOptions options) const {
    options.publishers = GetParam();
    return bus_.open().topic("notes", options);
  }
  bool room_for(std::uint64_t bytes) const {
    return test::free_bytes(bus_.open().path()) > bytes + 512 * kMiB;
  }
  const TempBus bus_;
};

TEST_P(Limits, DepthOfSixteenHoldsSixteen) {
  const auto bytes = topic({.depth = 16}).value();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher({.when_full = WhenFull::fail}).value();
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(publisher.publish("x"));
  for (int lap = 0; lap < 100; ++lap) {
    for (int i = 0; i < 16; ++i) ASSERT_TRUE(subscriber.take(0s));
    EXPECT_FALSE(subscriber.try_take());
    for (int i = 0; i < 16; ++i) ASSERT_TRUE(publisher.publish("x"));
  }
}

TEST_P(Limits, DepthOfFourMebiHoldsFourMebi) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the same in every build; a GiB of it is slow under a sanitizer";
#endif
  if (!room_for(2 * kGiB)) GTEST_SKIP() << "/dev/shm has no room for 1 GiB";
  constexpr std::uint64_t kDepth = 4 * kMiB;
  const auto bytes = topic({.depth = kDepth, .max_message_bytes = 48, .pool_bytes = 64}).value();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher({.when_full = WhenFull::fail}).value();
  std::vector<std::byte> batch(1024 * 8, std::byte{7});
  for (std::uint64_t i = 0; i < kDepth; i += 1024) {
    ASSERT_EQ(publisher.publish_batch(batch, 8).value(), 1024U) << i;
  }
  for (std::uint64_t n = 1; n <= kDepth; ++n) ASSERT_EQ(subscriber.try_take().sequence(), n);
}

TEST_P(Limits, EmptyMessagesAreMessages) {
  const auto bytes = topic({}).value();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  publisher.publish(std::string_view()).value();
  publisher.publish(std::string_view(), {.key = "key"}).value();
  publisher.publish(publisher.loan(0).value()).value();
  for (int i = 0; i < 3; ++i) {
    const auto message = subscriber.take(0s);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message.bytes().empty());
    EXPECT_EQ(message.key(), i == 1 ? "key" : "");
  }
}

/// Sends `count` messages of `size` bytes to another process that checks them in place.
void send_large(const TempBus& bus, const TopicOptions& options, std::uint64_t size, int count) {
  const Shared<std::atomic<int>> ready;
  Child reader([&] {
    auto subscriber = bus.open().topic("notes", options).value().subscriber().value();
    *ready = 1;
    for (int i = 0; i < count; ++i) {
      const auto message = subscriber.take();
      ASSERT_EQ(message.bytes().size(), size);
      for (std::size_t at = 0; at < size; at += 4093) {
        ASSERT_EQ(message.bytes()[at], static_cast<std::byte>(i));
      }
      ASSERT_EQ(message.bytes().back(), static_cast<std::byte>(i));
    }
  });
  const auto bytes = bus.open().topic("notes", options).value();
  ASSERT_TRUE(test::eventually([&] { return *ready == 1; }));
  auto publisher = bytes.publisher().value();
  for (int i = 0; i < count; ++i) {
    auto loan = publisher.loan(size).value();
    loan.fill(static_cast<std::byte>(i));
    publisher.publish(std::move(loan)).value();
  }
  EXPECT_EQ(reader.wait(), 0);
}

TEST_P(Limits, MessagesOfSixtyFourMebibytesPass) {
  if (!room_for(kGiB)) GTEST_SKIP() << "/dev/shm has no room for 256 MiB";
  send_large(bus_,
             {.publishers = GetParam(),
              .depth = 16,
              .max_message_bytes = 64 * kMiB,
              .pool_bytes = 200 * kMiB},
             64 * kMiB, 5);
}

TEST_P(Limits, MessageOfOneGibibytePasses) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the same in every build; a GiB of it is slow under a sanitizer";
#endif
  if (!room_for(3 * kGiB)) GTEST_SKIP() << "/dev/shm has no room for 1 GiB";
  send_large(
      bus_,
      {.publishers = GetParam(), .depth = 16, .max_message_bytes = kGiB, .pool_bytes = kGiB + 4096},
      kGiB, 1);
}

TEST_P(Limits, ThousandAndTwentyFourSubscribersReadAndTheNextIsRefused) {
  const TopicOptions options{.depth = 64, .max_message_bytes = 48, .pool_bytes = 64};
  const auto bytes = topic(options).value();
  constexpr int kProcesses = 4, kEach = 256;
  struct Progress {
    std::atomic<int> joined{0}, done{0};
  };
  const Shared<Progress> steps;
  std::vector<Child> readers;
  for (int i = 0; i < kProcesses; ++i) {
    readers.emplace_back([&] {
      const auto mine = topic(options).value();
      std::vector<Subscriber<>> subscribers;
      for (int k = 0; k < kEach; ++k) subscribers.push_back(mine.subscriber().value());
      ++steps->joined;
      for (int n = 1; n <= 100; ++n) {
        for (auto& subscriber : subscribers) {
          ASSERT_EQ(subscriber.take().sequence(), static_cast<std::uint64_t>(n));
        }
      }
      ++steps->done;
      test::sleep_until_killed();
    });
  }
  ASSERT_TRUE(test::eventually([&] { return steps->joined == kProcesses; }));
  const auto refused = bytes.subscriber();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::too_many);
  EXPECT_THAT(refused.error().message(), HasSubstr("topic notes: all 1024 subscribers"));
  EXPECT_THAT(refused.error().message(), HasSubstr("max_subscribers"));
  auto publisher = bytes.publisher().value();
  for (int n = 0; n < 100; ++n) publisher.publish("x").value();
  ASSERT_TRUE(test::eventually([&] { return steps->done == kProcesses; }));
  readers.front().kill();
  EXPECT_TRUE(bytes.subscriber()) << "the place of a dead one is free";
}

TEST_P(Limits, OneSubscriberMoreThanTheTopicWasMadeForIsRefused) {
  const auto bytes = topic({.max_subscribers = 2}).value();
  auto first = bytes.subscriber().value();
  {
    auto second = bytes.subscriber().value();
    EXPECT_EQ(bytes.subscriber().error(), Code::too_many);
    EXPECT_THAT(bytes.subscriber().error().message(), HasSubstr("all 2 subscribers"));
  }
  EXPECT_TRUE(bytes.subscriber());
}

INSTANTIATE_TEST_SUITE_P(Kinds, Limits, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

TEST(LimitsOfMany, ThousandAndTwentyFourPublishersSendAndTheNextIsRefused) {
  const TempBus bus;
  const TopicOptions options{.publishers = Publishers::many,
                             .depth = 64,
                             .max_message_bytes = 48,
                             .pool_bytes = 64,
                             .lane_depth = 16};
  const auto bytes = bus.open().topic("notes", options).value();
  auto subscriber = bytes.subscriber().value();
  const Shared<std::atomic<int>> joined, go;
  constexpr int kProcesses = 4, kEach = 256;
  std::vector<Child> writers;
  for (int i = 0; i < kProcesses; ++i) {
    writers.emplace_back([&] {
      const auto mine = bus.open().topic("notes", options).value();
      std::vector<Publisher<>> publishers;
      for (int k = 0; k < kEach; ++k) publishers.push_back(mine.publisher().value());
      ++*joined;
      while (*go == 0) std::this_thread::yield();
      for (auto& publisher : publishers) publisher.publish("x").value();
    });
  }
  ASSERT_TRUE(test::eventually([&] { return *joined == kProcesses; }));
  const auto refused = bytes.publisher();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::too_many);
  EXPECT_THAT(refused.error().message(), HasSubstr("topic notes: all 1024 publishers"));
  EXPECT_THAT(refused.error().message(), HasSubstr("max_publishers"));
  *go = 1;
  for (std::uint64_t n = 1; n <= kProcesses * kEach; ++n)
    ASSERT_EQ(subscriber.take().sequence(), n);
  for (Child& writer : writers) EXPECT_EQ(writer.wait(), 0);
}

TEST(LimitsOfMany, ShallowLanesServeADeepTopic) {
  const TempBus bus;
  const TopicOptions options{.publishers = Publishers::many, .depth = 1024, .lane_depth = 16};
  const auto bytes = bus.open().topic("notes", options).value();
  auto subscriber = bytes.subscriber().value();
  std::vector<Child> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&] {
      auto publisher = bus.open().topic("notes", options).value().publisher().value();
      for (int n = 0; n < 5000; ++n) publisher.publish("x").value();
    });
  }
  for (std::uint64_t n = 1; n <= 10'000; ++n) ASSERT_EQ(subscriber.take().sequence(), n);
  for (Child& writer : writers) EXPECT_EQ(writer.wait(), 0);
}

TEST(LimitsOfOne, SecondPublisherIsRefusedNamingTheFirst) {
  const TempBus bus;
  const TopicOptions options{.publishers = Publishers::one};
  const auto bytes = bus.open().topic("notes", options).value();
  const Shared<std::atomic<int>> ready;
  Child first([&] {
    auto publisher = bus.open().topic("notes", options).value().publisher().value();
    *ready = 1;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return *ready == 1; }));
  const auto refused = bytes.publisher();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::publisher_exists);
  EXPECT_THAT(refused.error().message(),
              HasSubstr("topic notes has one publisher: pid " + std::to_string(first.pid())));
  EXPECT_THAT(refused.error().message(), HasSubstr("publishers = many"));
  first.kill();
  EXPECT_TRUE(bytes.publisher());
}

TEST(HugePages, AreAcceptedWhetherOrNotTheKernelGrantsThem) {
  const TempBus bus;
  for (const Publishers kind : {Publishers::one, Publishers::many}) {
    const auto bytes = bus.open()
                           .topic(kind == Publishers::one ? "one" : "many",
                                  {.publishers = kind, .pool_bytes = 8 * kMiB, .huge_pages = true})
                           .value();
    EXPECT_TRUE(bytes.info().huge_pages);
    auto subscriber = bytes.subscriber().value();
    bytes.publisher().value().publish(std::string(60'000, 'h')).value();
    EXPECT_EQ(subscriber.take(0s).text(), std::string(60'000, 'h'));
  }
}

}  // namespace
}  // namespace tow
