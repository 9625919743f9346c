#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::Shared;
using test::TempBus;
using testing::HasSubstr;
using namespace std::chrono_literals;

class Subscribe : public testing::TestWithParam<Publishers> {
 protected:
  Topic<> topic(TopicOptions options = {}) const {
    options.publishers = GetParam();
    return bus_.open().topic("notes", options).value();
  }
  static void send(Publisher<>& publisher, int first, int last) {
    for (int i = first; i <= last; ++i) publisher.publish(std::to_string(i)).value();
  }
  const TempBus bus_;
};

TEST_P(Subscribe, StartsWhereItIsTold) {
  const auto bytes = topic({.depth = 64});
  auto publisher = bytes.publisher().value();
  send(publisher, 1, 40);
  const auto first = [&](Start start) {
    auto subscriber = bytes.subscriber({.start = start}).value();
    EXPECT_EQ(subscriber.start_sequence(), subscriber.next_sequence());
    const auto message = subscriber.try_take();
    return message ? message.sequence() : 0;
  };
  EXPECT_EQ(first(Start::next()), 0U);
  EXPECT_EQ(first(Start::oldest()), 1U);
  EXPECT_EQ(first(Start::last(1)), 40U);
  EXPECT_EQ(first(Start::last(10)), 31U);
  EXPECT_EQ(first(Start::last(1000)), 1U);
  EXPECT_EQ(first(Start::last(0)), 0U);
  EXPECT_EQ(first(Start::sequence(17)), 17U);
  EXPECT_EQ(first(Start::sequence(0)), 1U);
  auto future = bytes.subscriber({.start = Start::sequence(42)}).value();
  send(publisher, 41, 42);
  EXPECT_EQ(future.take(0s).sequence(), 42U);
}

TEST_P(Subscribe, OldestIsAtLeastTheDepthThatWasAskedFor) {
  const auto bytes = topic({.depth = 100});
  auto publisher = bytes.publisher().value();
  for (int i = 1; i < 1000; ++i) {
    send(publisher, i, i);
    auto subscriber = bytes.subscriber({.start = Start::oldest()}).value();
    ASSERT_LE(subscriber.start_sequence(), static_cast<std::uint64_t>(std::max(1, i - 99)));
    ASSERT_EQ(subscriber.try_take().sequence(), subscriber.start_sequence());
  }
}

TEST_P(Subscribe, TakeWaitsUntilItsTimeoutAndNoLongerThanAMessage) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  const auto before = std::chrono::steady_clock::now();
  const auto nothing = subscriber.take(20ms);
  EXPECT_FALSE(nothing);
  EXPECT_TRUE(nothing.timed_out());
  EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);
  EXPECT_TRUE(subscriber.take(-1s).timed_out());
  Child reader([&] {
    auto other = topic().subscriber({.start = Start::oldest()}).value();
    EXPECT_EQ(other.take(kForever).text(), "1");
  });
  ASSERT_TRUE(test::eventually([&] { return reader.asleep(); }));
  auto publisher = bytes.publisher().value();
  send(publisher, 1, 1);
  EXPECT_EQ(reader.wait(), 0);
}

TEST_P(Subscribe, TakeBatchGivesWhatIsThereUpToItsMaximum) {
  const auto bytes = topic({.depth = 64});
  auto publisher = bytes.publisher().value();
  auto subscriber = bytes.subscriber().value();
  std::vector<Message<>> batch;
  EXPECT_EQ(subscriber.take_batch(batch, 10, 0s).value(), 0U);
  send(publisher, 1, 25);
  EXPECT_EQ(subscriber.take_batch(batch, 10).value(), 10U);
  EXPECT_EQ(subscriber.take_batch(batch, 10).value(), 10U);
  EXPECT_EQ(subscriber.take_batch(batch, 10).value(), 5U);
  ASSERT_EQ(batch.size(), 25U);
  for (std::size_t i = 0; i < 25; ++i) EXPECT_EQ(batch[i].text(), std::to_string(i + 1));
}

TEST_P(Subscribe, LatestSkipsWhatLiesBeforeAndCallsItNoLoss) {
  const auto bytes = topic({.depth = 64});
  auto publisher = bytes.publisher().value();
  auto subscriber = bytes.subscriber().value();
  EXPECT_FALSE(subscriber.latest());
  send(publisher, 1, 30);
  EXPECT_EQ(subscriber.latest().text(), "30");
  EXPECT_TRUE(subscriber.latest().timed_out()) << "nothing new came";
  send(publisher, 31, 31);
  EXPECT_EQ(subscriber.latest().text(), "31");
  EXPECT_EQ(subscriber.lost(), 0U);
}

TEST_P(Subscribe, LossyOneCountsEveryGapExactly) {
  const TopicOptions options{.depth = 32};
  const auto bytes = topic(options);
  const Shared<std::atomic<std::uint64_t>> sent;
  auto subscriber = bytes.subscriber({.kind = SubscriberKind::lossy}).value();
  Child writer([&] {
    auto publisher = topic(options).publisher().value();
    for (std::uint64_t i = 1; i <= 200'000; ++i) {
      publisher.publish(std::to_string(i)).value();
      *sent = i;
    }
  });
  std::uint64_t next = 1, missed = 0, received = 0;
  while (next <= 200'000) {
    const auto message = subscriber.take();
    ASSERT_TRUE(message) << message.error().message();
    ASSERT_EQ(message.sequence(), next + message.missed());
    ASSERT_EQ(message.text(), std::to_string(message.sequence())) << "a torn message";
    missed += message.missed();
    ++received;
    next = message.sequence() + 1;
  }
  EXPECT_EQ(writer.wait(), 0);
  EXPECT_EQ(subscriber.received(), received);
  EXPECT_EQ(subscriber.lost(), missed);
  EXPECT_EQ(received + missed, 200'000U);
}

TEST_P(Subscribe, HeldPayloadsStayReadableWhileThePoolGoesRound) {
  const TopicOptions options{.depth = 64, .max_message_bytes = 4096, .pool_bytes = 128 << 10};
  for (const SubscriberKind kind : {SubscriberKind::required, SubscriberKind::lossy}) {
    const auto bytes = topic(options);
    auto publisher = bytes.publisher().value();
    auto subscriber = bytes.subscriber({.kind = kind}).value();
    std::vector<Message<>> held;
    for (int i = 0; i < 4; ++i) {
      publisher.publish(std::string(4000, static_cast<char>('a' + i))).value();
      held.push_back(subscriber.take(0s));
    }
    for (int i = 0; i < 500; ++i) {  // 16 times round the pool
      publisher.publish(std::string(4000, '-')).value();
      ASSERT_EQ(subscriber.take(0s).bytes().size(), 4000U);
    }
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(held[static_cast<std::size_t>(i)].text(),
                std::string(4000, static_cast<char>('a' + i)));
    }
  }
}

TEST_P(Subscribe, MessageCanBeMovedAndReleasedEarly) {
  const auto bytes = topic();
  auto publisher = bytes.publisher().value();
  auto subscriber = bytes.subscriber().value();
  publisher.publish("small", {.key = "key"}).value();
  publisher.publish(std::string(5000, 'L')).value();
  Message<> small = subscriber.take(0s), large = subscriber.take(0s);
  Message<> moved = std::move(small);
  EXPECT_EQ(moved.text(), "small");
  EXPECT_EQ(moved.key(), "key");
  EXPECT_EQ(bytes.info().subscribers.at(0).held, 1U);
  moved = std::move(large);
  EXPECT_EQ(moved.text(), std::string(5000, 'L'));
  moved.release();
  EXPECT_EQ(bytes.info().subscribers.at(0).held, 0U);
  moved.release();
}

TEST_P(Subscribe, LaggardIsEvictedInsteadOfHoldingPublishersUp) {
  const auto bytes = topic({.depth = 64});
  auto publisher = bytes.publisher({.when_full = WhenFull::fail}).value();
  auto laggard = bytes.subscriber({.max_lag = 20}).value();
  auto diligent = bytes.subscriber().value();
  for (int i = 1; i <= 1000; ++i) {
    publisher.publish(std::to_string(i)).value();
    ASSERT_EQ(diligent.take(0s).text(), std::to_string(i));
  }
  const auto taken = laggard.take();
  ASSERT_TRUE(taken.failed());
  EXPECT_EQ(taken.error(), Code::evicted);
  EXPECT_THAT(taken.error().message(), HasSubstr("topic notes"));
  EXPECT_THAT(taken.error().message(), HasSubstr("subscribe anew"));
  int evicted = 0;
  for (const auto& info : bytes.info().subscribers) evicted += info.evicted;
  EXPECT_EQ(evicted, 1);
  laggard = bytes.subscriber({.max_lag = 20}).value();
  publisher.publish("again").value();
  EXPECT_EQ(laggard.take(0s).text(), "again");
}

TEST_P(Subscribe, WaitForSubscribersCountsTheLiving) {
  const auto bytes = topic();
  const auto none = bytes.wait_for_subscribers(1, 2ms);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), Code::timed_out);
  EXPECT_THAT(none.error().message(), HasSubstr("topic notes has 0 of 1"));
  std::vector<Child> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      auto subscriber = topic().subscriber().value();
      test::sleep_until_killed();
    });
  }
  EXPECT_TRUE(bytes.wait_for_subscribers(3));
  readers.front().kill();
  EXPECT_EQ(bytes.wait_for_subscribers(3, 2ms).error(), Code::timed_out);
  EXPECT_TRUE(bytes.wait_for_subscribers(2));
}

TEST_P(Subscribe, LoopEndsWhenTheTopicIsRemovedAfterReadingAll) {
  const auto bytes = topic();
  const Shared<std::atomic<bool>> ready;
  Child reader([&] {
    auto subscriber = topic().subscriber().value();
    *ready = true;
    int count = 0;
    for (const auto& message : subscriber) EXPECT_EQ(message.text(), std::to_string(++count));
    EXPECT_EQ(count, 5);
    ASSERT_TRUE(subscriber.ended_by());
    EXPECT_EQ(*subscriber.ended_by(), Code::removed);
    EXPECT_THAT(subscriber.ended_by()->message(), HasSubstr("topic notes was removed"));
  });
  ASSERT_TRUE(test::eventually([&] { return ready->load(); }));
  auto publisher = bytes.publisher().value();
  send(publisher, 1, 5);
  bus_.open().remove_topic("notes").value();
  EXPECT_EQ(reader.wait(), 0);
}

TEST_P(Subscribe, ObserverDisturbsNobody) {
  const auto bytes = topic({.depth = 16});
  auto publisher = bytes.publisher({.when_full = WhenFull::fail}).value();
  auto observer = bytes.observer(Start::oldest());
  EXPECT_EQ(bytes.info().subscribers.size(), 0U);
  send(publisher, 1, 100);
  const auto message = observer.take();
  ASSERT_TRUE(message);
  EXPECT_EQ(message.text(), std::to_string(message.sequence()));
  EXPECT_EQ(message.missed(), message.sequence() - 1);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Subscribe, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow
