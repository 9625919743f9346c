// Which message a consumer gets: shared fairly, in order by key, single active, by priority, by key
// and tag.

#include <map>

#include "tests/bus/group_fixture.hpp"

namespace tow {
namespace {

using test::Child;
using test::drain;
using test::Jobs;
using test::numbers;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

void publish(Jobs& jobs, std::uint64_t number, const Attributes& attributes) {
  jobs.publisher().publish(number, attributes).value();
}

TEST(SharedGroup, IsFairToEqualConsumers) {
  constexpr std::uint64_t kMessages = 10'000;
  Jobs jobs({.depth = kMessages});
  const auto group = jobs.group();
  jobs.publish(1, kMessages);
  struct Counts {
    std::atomic<int> ready;
    std::atomic<std::uint64_t> taken[2];
  };
  test::Shared<Counts> counts;
  std::vector<Child> workers;
  for (int self = 0; self < 2; ++self) {
    workers.emplace_back([&, self] {
      auto consumer = jobs.consumer_in_child({.prefetch = 1});
      counts->ready.fetch_add(1);
      if (!test::eventually([&] { return counts->ready == 2; })) return;
      while (auto delivery = consumer.take(100ms)) {
        counts->taken[self].fetch_add(1);
        // Work that is equal, however the two are scheduled.
        std::this_thread::sleep_for(100us);
        delivery.ack().value();
      }
    });
  }
  for (Child& worker : workers) EXPECT_EQ(worker.wait(), 0);
  EXPECT_EQ(counts->taken[0] + counts->taken[1], kMessages);
  EXPECT_LE(counts->taken[0], kMessages * 6 / 10);
  EXPECT_LE(counts->taken[1], kMessages * 6 / 10);
}

TEST(OrderedGroup, GivesTheMessagesOfAKeyToOneConsumerInOrder) {
  Jobs jobs;
  const auto group = jobs.group({.mode = GroupMode::ordered});
  auto first = group.consumer({.prefetch = 4}).value(), second = group.consumer().value();
  const char* const keys[] = {"ada", "bob", "cyd", "dot", "eve"};
  for (std::uint64_t i = 1; i <= 50; ++i) publish(jobs, i, {.key = keys[i % 5]});
  std::map<std::string, std::vector<std::uint64_t>> of_key;
  std::map<std::string, std::set<int>> takers;
  for (int empty = 0; empty < 20;) {
    int self = 0;
    for (auto* const consumer : {&first, &second}) {
      ++self;
      auto delivery = consumer->try_take();
      if (!delivery) {
        ++empty;
        continue;
      }
      empty = 0;
      of_key[std::string(delivery.key())].push_back(*delivery);
      takers[std::string(delivery.key())].insert(self);
      delivery.ack().value();
    }
  }
  ASSERT_EQ(of_key.size(), 5U);
  for (const auto& [key, taken] : of_key) {
    EXPECT_EQ(taken.size(), 10U) << key;
    EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end())) << key;
    EXPECT_EQ(takers[key].size(), 1U) << key;
  }
}

TEST(OrderedGroup, HoldsUpAKeyWhileOneOfItsMessagesWaits) {
  Jobs jobs;
  const auto group = jobs.group({.mode = GroupMode::ordered});
  auto consumer = group.consumer({.prefetch = 8}).value();
  for (std::uint64_t i = 1; i <= 6; ++i) publish(jobs, i, {.key = i % 2 == 1 ? "odd" : "even"});
  auto delivery = consumer.try_take();
  ASSERT_EQ(*delivery, 1U);
  delivery.retry(1h).value();
  EXPECT_THAT(drain(consumer), ElementsAre(2, 4, 6)) << "the other key goes on";
  EXPECT_EQ(group.info().delayed, 1U);
  EXPECT_EQ(group.info().ready, 2U);
}

TEST(OrderedGroup, GivesTheKeysOfADeadConsumerToAnother) {
  Jobs jobs;
  const auto group = jobs.group({.mode = GroupMode::ordered});
  for (std::uint64_t i = 1; i <= 6; ++i) publish(jobs, i, {.key = "one"});
  test::Shared<std::atomic<int>> begun;
  Child worker([&] {
    auto consumer = jobs.consumer_in_child({.prefetch = 2});
    auto delivery = consumer.take();
    delivery.ack().value();
    auto next = consumer.take();
    begun->store(1);
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return begun->load() == 1; }));
  worker.kill();
  auto consumer = group.consumer().value();
  std::vector<std::uint64_t> taken;
  while (taken.size() < 5) {
    auto delivery = consumer.take(60s);
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery.redelivered(), *delivery == 2);
    taken.push_back(*delivery);
    delivery.ack().value();
  }
  EXPECT_EQ(taken, numbers(2, 6));
}

TEST(OrderedGroup, LeavesMessagesWithoutAKeyToAnybody) {
  Jobs jobs;
  const auto group = jobs.group({.mode = GroupMode::ordered});
  auto first = group.consumer({.prefetch = 1}).value();
  auto second = group.consumer({.prefetch = 1}).value();
  jobs.publish(1, 2);
  auto one = first.try_take(), two = second.try_take();
  EXPECT_TRUE(one);
  EXPECT_TRUE(two);
}

TEST(SingleActiveGroup, HasOneConsumerAtATimeAndHandsOverOnDeath) {
  Jobs jobs;
  const auto group = jobs.group({.mode = GroupMode::single_active});
  jobs.publish(1, 10);
  test::Shared<std::atomic<int>> begun;
  Child active([&] {
    auto consumer = jobs.consumer_in_child({.prefetch = 1});
    consumer.take().ack().value();
    begun->store(1);
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return begun->load() == 1; }));
  auto standby = group.consumer().value();
  EXPECT_TRUE(standby.take(20ms).timed_out()) << "somebody else is active";
  active.kill();
  std::vector<std::uint64_t> taken;
  while (taken.size() < 9) {
    auto delivery = standby.take(60s);
    ASSERT_TRUE(delivery);
    taken.push_back(*delivery);
    delivery.ack().value();
  }
  EXPECT_EQ(taken, numbers(2, 10));
}

TEST(SingleActiveGroup, HandsOverWhenTheActiveOneLeaves) {
  Jobs jobs;
  const auto group = jobs.group({.mode = GroupMode::single_active});
  jobs.publish(1, 4);
  std::optional active(group.consumer({.prefetch = 1}).value());
  active->try_take().ack().value();
  auto standby = group.consumer().value();
  EXPECT_FALSE(standby.try_take());
  active.reset();
  EXPECT_EQ(drain(standby), numbers(2, 4));
}

TEST(GroupByPriority, HandsOutTheMostUrgentFirst) {
  Jobs jobs;
  const auto group = jobs.group({.by_priority = true});
  auto consumer = group.consumer({.prefetch = 1}).value();
  const std::uint8_t priorities[] = {0, 3, 7, 3, 0, 7};
  for (std::uint64_t i = 1; i <= 6; ++i) publish(jobs, i, {.priority = priorities[i - 1]});
  EXPECT_THAT(drain(consumer), ElementsAre(3, 6, 2, 4, 1, 5));
}

TEST(GroupByPriority, LooksAtTheOldest256Only) {
  Jobs jobs({.depth = 1024});
  const auto group = jobs.group({.by_priority = true});
  auto consumer = group.consumer({.prefetch = 1}).value();
  for (std::uint64_t i = 1; i <= 300; ++i)
    publish(jobs, i, {.priority = i == 300 ? std::uint8_t{7} : std::uint8_t{0}});
  const auto taken = drain(consumer);
  ASSERT_EQ(taken.size(), 300U);
  EXPECT_EQ(std::find(taken.begin(), taken.end(), 300U) - taken.begin(), 44) << "once in sight";
}

TEST(FilteredGroup, TakesWhatItsPatternMatches) {
  Jobs jobs;
  const auto group = jobs.group({.key_pattern = "order.*.paid"});
  auto consumer = group.consumer().value();
  const char* const keys[] = {"order.1.paid", "order.2.sent", "order.paid", "", "order.3.paid"};
  for (std::uint64_t i = 1; i <= 5; ++i) publish(jobs, i, {.key = keys[i - 1]});
  EXPECT_THAT(drain(consumer), ElementsAre(1, 5));
  EXPECT_EQ(group.info().filtered, 3U);
  EXPECT_EQ(group.info().lag, 0U);
}

TEST(FilteredGroup, TakesWhatHasItsTag) {
  Jobs jobs;
  const auto group = jobs.group({.tag = "urgent"});
  auto consumer = group.consumer().value();
  publish(jobs, 1, {.tag = "urgent"});
  publish(jobs, 2, {.tag = "later"});
  jobs.publish(3, 3);
  publish(jobs, 4, {.tag = "urgent"});
  EXPECT_THAT(drain(consumer), ElementsAre(1, 4));
}

TEST(FilteredGroup, ThatMatchesNothingHoldsNobodyUp) {
  Jobs jobs;
  const auto group = jobs.group({.key_pattern = "never"});
  auto consumer = group.consumer().value();
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    jobs.publish(i, i);
    ASSERT_FALSE(consumer.try_take());
  }
  EXPECT_EQ(group.info().filtered, 1000U);
}

TEST(KeyPattern, MatchesByWords) {
  const auto matches = [](const char* pattern, const char* key) {
    return shm::key_matches(pattern, key);
  };
  EXPECT_TRUE(matches("#", ""));
  EXPECT_TRUE(matches("#", "a.b.c"));
  EXPECT_TRUE(matches("a.#", "a"));
  EXPECT_TRUE(matches("a.#.c", "a.c"));
  EXPECT_TRUE(matches("a.#.c", "a.b.b.c"));
  EXPECT_TRUE(matches("#.c", "c"));
  EXPECT_TRUE(matches("*.b.*", "a.b.c"));
  EXPECT_TRUE(matches("#.b.#", "a.b.c.d"));
  EXPECT_TRUE(matches("a.*.#", "a.b"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("a.#.#", "a"));
  EXPECT_FALSE(matches("*", "a.b"));
  EXPECT_FALSE(matches("a.*", "a"));
  EXPECT_FALSE(matches("a.#.c", "a.c.b"));
  EXPECT_FALSE(matches("a", "b"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("a.b", "a"));
}

}  // namespace
}  // namespace tow
