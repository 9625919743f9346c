// Time, length and place: time to live, delay, length limits, seek, pause.

#include "tests/bus/group_fixture.hpp"

namespace tow {
namespace {

using test::Child;
using test::drain;
using test::Jobs;
using test::numbers;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

TEST(GroupTime, GivesUpWhatIsTooOldByItsOwnWord) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer().value();
  jobs.publisher().publish(1, {.time_to_live = 1ns}).value();
  jobs.publisher().publish(2, {.time_to_live = 1h}).value();
  EXPECT_THAT(drain(consumer), ElementsAre(2));
  const auto info = group.info();
  EXPECT_EQ(info.expired, 1U);
  EXPECT_EQ(info.gave_up, 1U);
  EXPECT_EQ(info.lag, 0U);
}

TEST(GroupTime, GivesUpWhatIsTooOldByTheGroupsWord) {
  Jobs jobs({.depth = 64, .stamps = Stamps::all});
  const auto group = jobs.group({.time_to_live = 30ms});
  jobs.publish(1, 3);
  std::this_thread::sleep_for(40ms);
  jobs.publish(4, 4);
  auto consumer = group.consumer().value();
  const auto taken = drain(consumer);
  EXPECT_TRUE(taken == numbers(4, 4) || taken.empty()) << "on a slow machine";
  EXPECT_GE(group.info().expired, 3U);
}

TEST(GroupTime, HandsOutADelayedMessageOnlyWhenItIsDue) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer().value();
  auto subscriber = jobs.topic().subscriber({.start = Start::oldest()}).value();
  const auto begin = shm::monotonic_ns();
  jobs.publisher().publish(1, {.delay = 50ms}).value();
  jobs.publish(2, 2);
  EXPECT_EQ(*subscriber.try_take(), 1U) << "subscribers see everything at once";
  EXPECT_THAT(drain(consumer), ElementsAre(2));
  EXPECT_EQ(group.info().delayed, 1U);
  auto delivery = consumer.take(60s);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(*delivery, 1U);
  EXPECT_GE(shm::monotonic_ns() - begin, 50'000'000U);
  EXPECT_EQ(delivery.attempts(), 0U);
  EXPECT_FALSE(delivery.redelivered());
}

TEST(GroupLength, HoldsPublishersUp) {
  Jobs jobs;
  const auto group = jobs.group({.max_length = 10});
  auto publisher = jobs.topic().publisher({.when_full = WhenFull::fail}).value();
  std::uint64_t published = 0;
  while (publisher.publish(published + 1)) ++published;
  EXPECT_EQ(published, 10U);
  EXPECT_THAT(publisher.publish(std::uint64_t{0}).error().message(),
              HasSubstr("may have 10 unsettled"));
  auto consumer = group.consumer().value();
  EXPECT_EQ(drain(consumer), numbers(1, 10));
  EXPECT_TRUE(publisher.publish(std::uint64_t{11}));
}

TEST(GroupLength, MakesPublishersFailAtOnceWhenItRejects) {
  Jobs jobs;
  const auto group = jobs.group({.max_length = 3, .overflow = Overflow::reject});
  auto publisher = jobs.topic().publisher().value();  // one that would wait for ever
  for (std::uint64_t i = 1; i <= 3; ++i) publisher.publish(i).value();
  const auto refused = publisher.publish(std::uint64_t{4});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::full);
  EXPECT_THAT(refused.error().message(), HasSubstr("topic jobs rejects: group workers"));
}

TEST(GroupLength, DropsTheOldest) {
  Jobs jobs;
  const auto group = jobs.group({.max_length = 10, .overflow = Overflow::drop_oldest});
  jobs.publish(1, 1000);
  auto consumer = group.consumer().value();
  EXPECT_EQ(drain(consumer), numbers(991, 1000));
  EXPECT_EQ(group.info().lag, 0U);
}

TEST(GroupLength, DroppingSparesWhatIsBeingHandled) {
  Jobs jobs;
  const auto group = jobs.group({.max_length = 10, .overflow = Overflow::drop_oldest});
  auto consumer = group.consumer({.prefetch = 1}).value();
  jobs.publish(1, 10);
  auto held = consumer.try_take();
  ASSERT_EQ(*held, 1U);
  jobs.publish(11, 20);
  held.ack().value();
  EXPECT_EQ(drain(consumer), numbers(11, 20));
  EXPECT_EQ(group.info().dropped, 9U);
}

class Seek : public testing::Test {
 protected:
  Seek() {
    jobs_.publish(1, 20);
    EXPECT_EQ(drain(consumer_), numbers(1, 20));
  }
  Jobs jobs_{{.depth = 64, .stamps = Stamps::all}};
  Group<std::uint64_t> group_ = jobs_.group();
  Consumer<std::uint64_t> consumer_ = group_.consumer().value();
};

TEST_F(Seek, GoesToTheOldest) {
  EXPECT_EQ(group_.seek_target(SeekTo::oldest()), 1U);
  EXPECT_EQ(group_.seek(SeekTo::oldest()).value(), 1U);
  EXPECT_EQ(drain(consumer_), numbers(1, 20));
}

TEST_F(Seek, GoesToTheNewest) {
  group_.seek(SeekTo::oldest()).value();
  EXPECT_EQ(group_.seek(SeekTo::newest()).value(), 21U);
  EXPECT_THAT(drain(consumer_), IsEmpty());
  jobs_.publish(21, 22);
  EXPECT_EQ(drain(consumer_), numbers(21, 22));
}

TEST_F(Seek, GoesToASequenceAndByAnOffset) {
  group_.seek(SeekTo::sequence(15)).value();
  EXPECT_EQ(drain(consumer_), numbers(15, 20));
  EXPECT_EQ(group_.seek(SeekTo::offset(-3)).value(), 18U);
  EXPECT_EQ(drain(consumer_), numbers(18, 20));
  EXPECT_EQ(group_.seek(SeekTo::offset(-1000)).value(), 1U);
  EXPECT_EQ(group_.seek(SeekTo::offset(5)).value(), 6U);
  EXPECT_EQ(group_.seek(SeekTo::offset(1000)).value(), 21U);
  EXPECT_EQ(group_.seek(SeekTo::sequence(1000)).value(), 21U);
}

TEST_F(Seek, GoesToATime) {
  EXPECT_EQ(group_.seek_target(SeekTo::time(1h)), 1U);
  std::this_thread::sleep_for(20ms);
  jobs_.publish(21, 25);
  const std::uint64_t target = group_.seek_target(SeekTo::time(10ms));
  EXPECT_GE(target, 21U) << "the first twenty are older than 20 ms";
}

TEST_F(Seek, ManyTimesNeverMistakesAnOldEpochForThisOne) {
  for (int round = 0; round < 200; ++round) {  // epochs come round every 64
    ASSERT_EQ(group_.seek(SeekTo::sequence(11)).value(), 11U);
    if (round % 3 == 0) continue;
    ASSERT_EQ(drain(consumer_), numbers(11, 20)) << round;
  }
  EXPECT_EQ(group_.info().seeks, 200U);
}

TEST_F(Seek, BackProtectsWhatIsToComeAgain) {
  group_.seek(SeekTo::oldest()).value();
  auto publisher = jobs_.topic().publisher({.when_full = WhenFull::fail}).value();
  while (publisher.publish(jobs_.topic().last_sequence() + 1)) {
  }
  const auto taken = drain(consumer_);
  EXPECT_EQ(taken, numbers(1, jobs_.topic().last_sequence()));
  EXPECT_EQ(group_.info().lost, 0U);
}

TEST(SeekOfARunningGroup, LosesNothingThatLiesBehindIt) {
  Jobs jobs({.depth = 1024});
  const auto group = jobs.group();
  jobs.publish(1, 1000);
  Child worker([&] {
    auto consumer = jobs.consumer_in_child();
    while (auto delivery = consumer.take(1s)) (void)delivery.ack();
  });
  ASSERT_TRUE(test::eventually([&] { return group.info().low > 100; }));
  group.seek(SeekTo::sequence(50)).value();
  EXPECT_EQ(worker.wait(), 0);
  const auto info = group.info();
  EXPECT_EQ(info.lag, 0U);
  EXPECT_EQ(info.lost, 0U);
}

TEST(PausedGroup, HandsNothingOutUntilItIsResumed) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer({.prefetch = 1}).value();
  jobs.publish(1, 3);
  auto held = consumer.try_take();
  group.pause().value();
  EXPECT_TRUE(group.info().paused);
  held.ack().value();
  EXPECT_TRUE(consumer.take(20ms).timed_out());
  Child resuming([&] {
    auto bus = jobs.at().open();
    bus.topic<std::uint64_t>("jobs", {.depth = 64})
        .value()
        .group("workers")
        .value()
        .resume()
        .value();
  });
  auto next = consumer.take(60s);
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, 2U);
  EXPECT_EQ(resuming.wait(), 0);
}

TEST(PausedGroup, HandsOutNothingThatWasPrefetched) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer().value();
  jobs.publish(1, 3);
  auto held = consumer.try_take();
  EXPECT_EQ(consumer.outstanding(), 3U);
  group.pause().value();
  EXPECT_TRUE(consumer.try_take().timed_out());
  EXPECT_FALSE(consumer.ready());
  held.ack().value();
  EXPECT_EQ(group.info().leased, 2U) << "it keeps them";
  group.resume().value();
  const auto next = consumer.try_take();
  EXPECT_EQ(*next, 2U);
  EXPECT_FALSE(next.redelivered());
}

TEST(PausedGroup, TakesNoSeekForAResume) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer().value();
  jobs.publish(1, 3);
  consumer.try_take().ack().value();
  group.pause().value();
  group.seek(SeekTo::sequence(3)).value();
  EXPECT_TRUE(consumer.take(1ms).timed_out());
  group.resume().value();
  EXPECT_EQ(drain(consumer), numbers(3, 3)) << "what was prefetched before the seek is nobody's";
}

TEST(PausedGroup, MakesOneWaitWhoHasAllThatHeMay) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer({.prefetch = 1}).value();
  jobs.publish(1, 2);
  const auto held = consumer.try_take();
  group.pause().value();
  EXPECT_TRUE(consumer.take(1ms).timed_out());
  group.resume().value();
  EXPECT_EQ(consumer.take(1ms).error(), Code::too_many);
}

TEST(GroupStart, GoesToATime) {
  Jobs jobs({.depth = 64, .stamps = Stamps::all});
  jobs.publish(1, 20);
  std::this_thread::sleep_for(20ms);
  jobs.publish(21, 25);
  const auto all = jobs.topic().group("all", {.start = Start::time(1h)}).value();
  const auto late = jobs.topic().group("late", {.start = Start::time(10ms)}).value();
  const auto none = jobs.topic().group("none", {.start = Start::time(0ns)}).value();
  EXPECT_EQ(all.info().low, 1U);
  EXPECT_GE(late.info().low, 21U) << "the first twenty are older than 20 ms";
  EXPECT_EQ(none.info().low, 26U);
  auto subscriber = jobs.topic().subscriber({.start = Start::time(10ms)}).value();
  EXPECT_GE(subscriber.start_sequence(), 21U);
  EXPECT_EQ(jobs.topic().observer(Start::time(1h)).next_sequence(), 1U);
}

TEST(GroupStart, IsNoMatterOnceTheGroupExists) {
  Jobs jobs;
  jobs.publish(1, 5);
  const auto group = jobs.topic().group("workers", {.start = Start::time(1h)}).value();
  EXPECT_EQ(jobs.topic().group("workers", {.start = Start::next()}).value().info().low, 1U);
}

}  // namespace
}  // namespace tow
