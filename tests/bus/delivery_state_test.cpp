// What becomes of a delivery: each arrow of the state machine in docs/groups.md.

#include "tests/bus/group_fixture.hpp"

namespace tow {
namespace {

using test::Child;
using test::drain;
using test::Jobs;
using test::numbers;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(Delivery, IsLeasedThenStartedThenDone) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer({.prefetch = 4}).value();
  jobs.publish(1, 6);
  auto delivery = consumer.try_take();
  auto info = group.info();
  EXPECT_EQ(info.started, 1U);
  EXPECT_EQ(info.leased, 3U);
  EXPECT_EQ(info.ready, 2U);
  ASSERT_EQ(info.consumers.size(), 1U);
  EXPECT_EQ(info.consumers[0].started, 1U);
  EXPECT_EQ(info.consumers[0].leased, 3U);
  delivery.ack().value();
  EXPECT_TRUE(delivery.settled());
  EXPECT_EQ(delivery.ack().error().code, Code::lease_lost) << "settled is settled";
  info = group.info();
  EXPECT_EQ(info.started, 0U);
  EXPECT_EQ(info.lag, 5U);
  EXPECT_EQ(info.low, 2U);
}

TEST(Delivery, ThatIsReleasedComesAgainFlaggedButUncounted) {
  Jobs jobs;
  auto consumer = jobs.group().consumer({.prefetch = 1}).value();
  jobs.publish(1, 2);
  consumer.try_take().release().value();
  auto again = consumer.try_take();
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, 1U);
  EXPECT_EQ(again.attempts(), 0U);
  EXPECT_TRUE(again.redelivered());
}

TEST(Delivery, ThatEndsUnsettledIsReleased) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer().value();
  jobs.publish(1, 1);
  { auto dropped = consumer.try_take(); }
  EXPECT_EQ(group.info().ready, 1U);
  auto again = consumer.try_take();
  EXPECT_TRUE(again.redelivered());
  auto moved = std::move(again);
  EXPECT_TRUE(again.settled());  // NOLINT(bugprone-use-after-move): that is what is asked
  moved.ack().value();
  EXPECT_EQ(group.info().lag, 0U);
}

TEST(Delivery, OfAConsumerThatLeavesComesAgainWithoutBlame) {
  Jobs jobs;
  const auto group = jobs.group();
  jobs.publish(1, 8);
  {
    auto leaving = group.consumer({.prefetch = 4}).value();
    leaving.try_take().ack().value();
  }
  auto consumer = group.consumer().value();
  for (std::uint64_t i = 2; i <= 8; ++i) {
    auto delivery = consumer.try_take();
    ASSERT_EQ(*delivery, i);
    EXPECT_EQ(delivery.attempts(), 0U);
    EXPECT_FALSE(delivery.redelivered()) << "never begun";
    delivery.ack().value();
  }
  EXPECT_EQ(group.info().returned, 3U);
}

TEST(Delivery, OfAConsumerThatDiesIsBlamedOnlyIfBegun) {
  Jobs jobs;
  const auto group = jobs.group();
  jobs.publish(1, 8);
  test::Shared<std::atomic<int>> begun;
  Child worker([&] {
    auto consumer = jobs.consumer_in_child({.prefetch = 4});
    auto delivery = consumer.take();
    begun->store(1);
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return begun->load() == 1; }));
  worker.kill();
  auto consumer = group.consumer().value();  // whoever joins repairs
  for (std::uint64_t i = 1; i <= 8; ++i) {
    auto delivery = consumer.take(10s);
    ASSERT_TRUE(delivery);
    EXPECT_EQ(*delivery, i);
    EXPECT_EQ(delivery.attempts(), i == 1 ? 1U : 0U);
    EXPECT_EQ(delivery.redelivered(), i == 1);
    delivery.ack().value();
  }
}

TEST(Delivery, OfADeadConsumerReachesOneThatSleeps) {
  Jobs jobs;
  const auto group = jobs.group();
  jobs.publish(1, 1);
  test::Shared<std::atomic<int>> begun;
  Child worker([&] {
    auto consumer = jobs.consumer_in_child();
    auto delivery = consumer.take();
    begun->store(1);
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return begun->load() == 1; }));
  Child survivor([&] {
    auto consumer = jobs.consumer_in_child();
    begun->store(2);
    auto delivery = consumer.take();
    if (!delivery.redelivered()) throw std::runtime_error("not flagged");
    delivery.ack().value();
  });
  ASSERT_TRUE(test::eventually([&] { return begun->load() == 2 && survivor.asleep(); }));
  worker.kill();
  EXPECT_EQ(survivor.wait(), 0);
  EXPECT_EQ(group.info().lag, 0U);
}

TEST(Delivery, ThatIsRetriedComesAtOnceTheFirstTimeAndLaterAfterwards) {
  Jobs jobs;
  const auto group = jobs.group({.backoff = 1h, .max_backoff = 2h});
  auto consumer = group.consumer().value();
  jobs.publish(1, 1);
  consumer.try_take().retry().value();
  auto second = consumer.try_take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second.attempts(), 1U);
  EXPECT_TRUE(second.redelivered());
  second.retry().value();
  EXPECT_FALSE(consumer.try_take());
  EXPECT_EQ(group.info().delayed, 1U);
}

TEST(Delivery, ThatIsRetriedLaterComesWhenItsTimeHasCome) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer().value();
  jobs.publish(1, 2);
  consumer.try_take().retry(30ms).value();
  EXPECT_EQ(*consumer.try_take(), 2U);  // and is released at once
  EXPECT_EQ(group.info().delayed, 1U);
  std::vector<std::uint64_t> taken;
  while (taken.size() < 2) {
    auto delivery = consumer.take(60s);
    ASSERT_TRUE(delivery);
    taken.push_back(*delivery);
    delivery.ack().value();
  }
  EXPECT_THAT(taken, testing::UnorderedElementsAre(1, 2));
}

TEST(Delivery, IsGivenUpAfterTheLastAttempt) {
  Jobs jobs;
  const auto group = jobs.group({.max_attempts = 3});
  auto consumer = group.consumer({.prefetch = 1}).value();
  jobs.publish(1, 2);
  for (std::uint32_t attempt = 0; attempt < 3; ++attempt) {
    auto delivery = consumer.try_take();
    ASSERT_EQ(*delivery, 1U);
    EXPECT_EQ(delivery.attempts(), attempt);
    delivery.retry(0s).value();
  }
  EXPECT_EQ(drain(consumer), numbers(2, 2));
  const auto info = group.info();
  EXPECT_EQ(info.gave_up, 1U);
  EXPECT_EQ(info.lag, 0U) << "without a topic for the dead they are dropped";
}

TEST(Delivery, IsGivenUpWhenRejected) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer().value();
  jobs.publish(1, 2);
  consumer.try_take().reject("no such account").value();
  EXPECT_EQ(drain(consumer), numbers(2, 2));
  EXPECT_EQ(group.info().gave_up, 1U);
}

TEST(Delivery, GoesToTheDeadLetters) {
  Jobs jobs;
  const auto group = jobs.group({.dead_letter = "jobs.dead"});
  auto consumer = group.consumer().value();
  jobs.publish(1, 3);
  consumer.try_take().reject("no such account").value();
  EXPECT_EQ(drain(consumer), numbers(2, 3));
  auto dead = jobs.bus().topic("jobs.dead").value();
  auto reader = dead.subscriber({.start = Start::oldest()}).value();
  const auto message = reader.try_take();
  ASSERT_TRUE(message);
  std::uint64_t number = 0;
  std::memcpy(&number, message.bytes().data(), sizeof number);
  EXPECT_EQ(number, 1U);
  EXPECT_EQ(group.info().lag, 0U);
}

TEST(Delivery, IsTakenFromAConsumerThatHoldsItTooLong) {
  Jobs jobs;
  const auto group = jobs.group({.lease = 20ms});
  auto stuck = group.consumer({.prefetch = 2}).value(), other = group.consumer().value();
  jobs.publish(1, 2);
  auto held = stuck.try_take();
  ASSERT_TRUE(held);
  std::vector<std::uint32_t> attempts(3);
  for (int i = 0; i < 2; ++i) {
    auto delivery = other.take(60s);
    ASSERT_TRUE(delivery);
    attempts[*delivery] = delivery.attempts();
    EXPECT_EQ(delivery.redelivered(), *delivery == 1);
    delivery.ack().value();
  }
  EXPECT_THAT(attempts, ElementsAre(0, 1, 0)) << "only what it had begun counts";
  const auto late = held.ack();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::lease_lost);
  EXPECT_THAT(late.error().message(), HasSubstr("message 1 of group workers of topic jobs"));
}

TEST(Delivery, StaysWithAConsumerThatRenewsItsLease) {
  Jobs jobs;
  const auto group = jobs.group({.lease = 1h});
  auto consumer = group.consumer().value();
  jobs.publish(1, 1);
  auto delivery = consumer.try_take();
  delivery.renew().value();
  delivery.ack().value();
  EXPECT_EQ(group.info().retried, 0U);
}

TEST(Delivery, IsLostToASeek) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer({.prefetch = 4}).value();
  jobs.publish(1, 6);
  auto first = consumer.try_take(), second = consumer.try_take();
  first.ack().value();
  EXPECT_EQ(group.seek(SeekTo::oldest()).value(), 1U);
  EXPECT_EQ(second.ack().error().code, Code::lease_lost);
  EXPECT_EQ(drain(consumer), numbers(1, 6)) << "all of it again";
  EXPECT_EQ(group.info().lag, 0U);
}

TEST(Delivery, CannotBeTakenBeyondThePrefetch) {
  Jobs jobs;
  auto consumer = jobs.group().consumer({.prefetch = 2}).value();
  jobs.publish(1, 3);
  auto first = consumer.try_take(), second = consumer.try_take();
  const auto third = consumer.take(1h);
  ASSERT_TRUE(third.failed());
  EXPECT_EQ(third.error().code, Code::too_many);
  EXPECT_THAT(third.error().message(), HasSubstr("settle one first"));
  first.ack().value();
  EXPECT_EQ(*consumer.try_take(), 3U);
}

}  // namespace
}  // namespace tow
