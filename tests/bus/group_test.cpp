// The life of a message in a group: each arrow of its state.

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

TEST(Group, GivesEachMessageToOneConsumer) {
  Jobs jobs;
  const auto group = jobs.group();
  auto first = group.consumer({.prefetch = 2}).value(), second = group.consumer().value();
  jobs.publish(1, 40);
  std::vector<std::uint64_t> taken;
  for (int i = 0; i < 40; ++i) {
    for (auto* const consumer : {&first, &second}) {
      auto delivery = consumer->try_take();
      if (!delivery) continue;
      taken.push_back(*delivery);
      EXPECT_EQ(delivery.sequence(), *delivery);
      EXPECT_EQ(delivery.attempts(), 0U);
      EXPECT_FALSE(delivery.redelivered());
      delivery.ack().value();
    }
  }
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(taken, numbers(1, 40));
  EXPECT_EQ(group.info().lag, 0U);
}

TEST(Group, KeepsWhatIsPublishedWhileItHasNoConsumer) {
  Jobs jobs;
  const auto group = jobs.group();
  jobs.publish(1, 5);
  EXPECT_EQ(group.info().ready, 5U);
  auto consumer = group.consumer().value();
  EXPECT_EQ(drain(consumer), numbers(1, 5));
}

TEST(Group, IsIndependentOfOtherGroupsAndOfSubscribers) {
  Jobs jobs;
  const auto one = jobs.group({}, "one"), two = jobs.group({}, "two");
  auto subscriber = jobs.topic().subscriber().value();
  jobs.publish(1, 10);
  auto of_one = one.consumer().value(), of_two = two.consumer().value();
  EXPECT_EQ(drain(of_one), numbers(1, 10));
  EXPECT_EQ(two.info().lag, 10U);
  EXPECT_EQ(drain(of_two), numbers(1, 10));
  for (std::uint64_t i = 1; i <= 10; ++i) EXPECT_EQ(*subscriber.try_take(), i);
  EXPECT_THAT(jobs.topic().groups(), ElementsAre("one", "two"));
}

TEST(Group, GoesAroundTheRingManyTimes) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer({.prefetch = 16}).value();
  for (std::uint64_t round = 0; round < 100; ++round) {
    jobs.publish(round * 50 + 1, round * 50 + 50);
    ASSERT_EQ(drain(consumer), numbers(round * 50 + 1, round * 50 + 50));
  }
  EXPECT_EQ(group.info().lost, 0U);
}

TEST(Group, HoldsPublishersUpWhenNothingIsSettled) {
  Jobs jobs;
  const auto group = jobs.group();
  auto publisher = jobs.topic().publisher({.when_full = WhenFull::fail}).value();
  std::uint64_t published = 0;
  while (publisher.publish(published + 1)) ++published;
  EXPECT_GE(published, 64U);
  const auto full = publisher.publish(std::uint64_t{0});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::full);
  EXPECT_THAT(full.error().message(), HasSubstr("group workers has not settled message 1"));
  auto consumer = group.consumer().value();
  EXPECT_EQ(drain(consumer).size(), published);
  EXPECT_TRUE(publisher.publish(std::uint64_t{0}));
}

TEST(Group, WakesAPublisherThatWaitsForRoom) {
  Jobs jobs;
  const auto group = jobs.group();
  auto fill = jobs.topic().publisher({.when_full = WhenFull::fail}).value();
  while (fill.publish(std::uint64_t{1})) {
  }
  Child waiting([&] {
    auto bus = jobs.at().open();
    auto topic = bus.topic<std::uint64_t>("jobs", {.depth = 64}).value();
    topic.publisher().value().publish(std::uint64_t{2}).value();
  });
  auto consumer = group.consumer({.prefetch = 1}).value();
  ASSERT_TRUE(test::eventually([&] {
    if (auto delivery = consumer.try_take()) delivery.ack().value();
    return group.info().lag == 0;
  }));
  EXPECT_EQ(waiting.wait(), 0);
}

TEST(Group, RefusesToBeMadeWithOtherOptions) {
  Jobs jobs;
  const auto group = jobs.group({.max_attempts = 3});
  EXPECT_EQ(jobs.topic().group("workers").value().info().options.max_attempts, 3U);
  const auto other = jobs.topic().group("workers", {.max_attempts = 4});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::options_mismatch);
  EXPECT_EQ(jobs.topic().group("nobody", {.create = false}).error().code, Code::not_found);
}

TEST(Group, RefusesOptionsThatCannotBe) {
  Jobs jobs;
  const auto code = [&](const GroupOptions& options) {
    const auto group = jobs.topic().group("bad", options);
    return group ? Code::system : group.error().code;
  };
  EXPECT_EQ(code({.max_attempts = 0}), Code::invalid_argument);
  EXPECT_EQ(code({.max_attempts = 31}), Code::invalid_argument);
  EXPECT_EQ(code({.lease = -1s}), Code::invalid_argument);
  EXPECT_EQ(code({.time_to_live = 9h}), Code::invalid_argument);
  EXPECT_EQ(code({.time_to_live = 1s}), Code::invalid_argument) << "without stamps = all";
  EXPECT_EQ(code({.max_length = 65}), Code::invalid_argument);
  EXPECT_EQ(code({.overflow = Overflow::reject}), Code::invalid_argument);
  EXPECT_EQ(code({.key_pattern = std::string(256, 'x')}), Code::invalid_argument);
  EXPECT_EQ(jobs.topic().group("").error().code, Code::invalid_name);
  EXPECT_THAT(jobs.topic().groups(), IsEmpty());
  EXPECT_EQ(jobs.group().consumer({.prefetch = 0}).error().code, Code::invalid_argument);
  EXPECT_EQ(jobs.group().consumer({.prefetch = 257}).error().code, Code::invalid_argument);
}

TEST(Group, IsGoneOnceRemoved) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer().value();
  jobs.publish(1, 3);
  auto delivery = consumer.try_take();
  jobs.topic().remove_group("workers").value();
  EXPECT_EQ(jobs.topic().remove_group("workers").error().code, Code::not_found);
  EXPECT_FALSE(delivery.settled());
  const auto next = consumer.take(10s);
  ASSERT_TRUE(next.failed() || next) << "what was prefetched may still come";
  EXPECT_THAT(jobs.topic().groups(), IsEmpty());
  jobs.publish(4, 500);  // nobody is waited for
  const auto again = jobs.group();
  EXPECT_EQ(again.info().seeks, 0U);
}

TEST(Group, SurvivesWithoutAnyProcess) {
  test::TempBus at;
  {
    auto bus = at.open();
    auto topic = bus.topic<std::uint64_t>("jobs").value();
    auto group = topic.group("workers", {.start = Start::oldest()}).value();
    auto publisher = topic.publisher().value();
    for (std::uint64_t i = 1; i <= 10; ++i) publisher.publish(i).value();
    auto consumer = group.consumer().value();
    for (int i = 0; i < 4; ++i) consumer.try_take().ack().value();
  }
  auto bus = at.open();
  auto topic = bus.topic<std::uint64_t>("jobs").value();
  auto consumer = topic.group("workers").value().consumer().value();
  EXPECT_EQ(drain(consumer), numbers(5, 10));
}

TEST(Group, EndsWithItsTopic) {
  Jobs jobs;
  const auto group = jobs.group();
  auto consumer = group.consumer({.prefetch = 1}).value();
  jobs.publish(1, 2);
  auto held = consumer.try_take();
  jobs.bus().remove_topic("jobs").value();
  const auto next = consumer.take();
  ASSERT_TRUE(next.failed());
  EXPECT_EQ(next.error(), Code::removed);
  EXPECT_THAT(next.error().message(), HasSubstr("topic jobs was removed"));
  EXPECT_EQ(group.seek(SeekTo::oldest()).error(), Code::removed);
  EXPECT_EQ(group.pause().error(), Code::removed);
  EXPECT_EQ(group.consumer().error(), Code::removed);
  EXPECT_EQ(jobs.topic().group("other").error(), Code::removed);
  // A topic of that name is another one, without groups.
  EXPECT_THAT(jobs.bus().topic<std::uint64_t>("jobs").value().groups(), IsEmpty());
}

}  // namespace
}  // namespace tow
