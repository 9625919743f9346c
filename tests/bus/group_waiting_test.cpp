// Waiting for deliveries other than by take(): descriptors, several at a time, coroutines.

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bus/group_fixture.hpp"

namespace tow {
namespace {

using test::Child;
using test::Jobs;
using test::numbers;
using test::Shared;
using testing::ElementsAre;
using testing::UnorderedElementsAreArray;
using namespace std::chrono_literals;

/// One descriptor in an epoll.
class Events {
 public:
  explicit Events(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    EXPECT_EQ(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), 0);
  }
  ~Events() { close(epoll_); }
  Events(const Events&) = delete;
  /// Sleeps until the consumer has something to say.
  Delivery<std::uint64_t> wait_for(Consumer<std::uint64_t>& consumer) const {
    while (true) {
      auto delivery = consumer.try_take();
      if (delivery || delivery.failed()) return delivery;
      epoll_event event{};
      EXPECT_GE(epoll_wait(epoll_, &event, 1, 60'000), 1) << "it never became readable";
    }
  }

 private:
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
};

TEST(ConsumerDescriptor, WakesEpollOfAnotherProcessForEveryMessage) {
  Jobs jobs;
  const auto group = jobs.group();
  const Shared<std::atomic<std::uint64_t>> taken;
  Child worker([&] {
    auto consumer = jobs.consumer_in_child();
    const Events events(consumer.fd().value());
    EXPECT_EQ(consumer.fd().value(), consumer.fd().value()) << "there is one";
    for (std::uint64_t i = 1; i <= 200; ++i) {
      auto delivery = events.wait_for(consumer);
      ASSERT_TRUE(delivery);
      delivery.ack().value();
      *taken = *delivery;
    }
  });
  for (std::uint64_t i = 1; i <= 200; ++i) {  // one at a time: each must wake it anew
    jobs.publish(i, i);
    ASSERT_TRUE(test::eventually([&] { return *taken == i; })) << i;
  }
  EXPECT_EQ(worker.wait(), 0);
}

TEST(ConsumerDescriptor, IsReadableWhenADelayedMessageIsDue) {
  Jobs jobs;
  auto consumer = jobs.group().consumer().value();
  const Events events(consumer.fd().value());
  const auto begin = shm::monotonic_ns();
  jobs.publisher().publish(1, {.delay = 30ms}).value();
  EXPECT_FALSE(consumer.try_take());
  auto first = events.wait_for(consumer);
  EXPECT_EQ(*first, 1U);
  EXPECT_GE(shm::monotonic_ns() - begin, 30'000'000U);
  first.retry(10ms).value();
  const auto again = events.wait_for(consumer);
  EXPECT_EQ(again.attempts(), 1U);
}

TEST(ConsumerDescriptor, IsReadableForWhatAnotherGivesBack) {
  Jobs jobs;
  const auto group = jobs.group();
  auto holder = group.consumer().value();
  jobs.publish(1, 1);
  auto held = holder.take();
  auto consumer = group.consumer().value();
  const Events events(consumer.fd().value());
  EXPECT_FALSE(consumer.try_take());
  held.release().value();
  EXPECT_EQ(*events.wait_for(consumer), 1U);
}

TEST(ConsumerDescriptor, IsReadableForWhatADeadConsumerHad) {
  Jobs jobs;
  auto consumer = jobs.group().consumer({.prefetch = 1}).value();
  const Events events(consumer.fd().value());
  EXPECT_FALSE(consumer.try_take());
  const Shared<std::atomic<bool>> took;
  Child doomed([&] {
    auto own = jobs.consumer_in_child({.prefetch = 1});
    auto delivery = own.take();
    *took = true;
    pause();
  });
  // The child shall get it: we do not look meanwhile.
  ASSERT_TRUE(test::eventually([&] { return jobs.group().info().consumers.size() == 2; }));
  jobs.publish(1, 1);
  ASSERT_TRUE(test::eventually([&] { return took->load(); }));
  kill(doomed.pid(), SIGKILL);
  const auto delivery = events.wait_for(consumer);
  ASSERT_TRUE(delivery);
  EXPECT_TRUE(delivery.redelivered());
}

TEST(ConsumerDescriptor, TellsOfTheEndOfItsGroup) {
  Jobs jobs;
  auto consumer = jobs.group().consumer().value();
  const Events events(consumer.fd().value());
  EXPECT_FALSE(consumer.try_take());
  jobs.topic().remove_group("workers").value();
  EXPECT_EQ(events.wait_for(consumer).error(), Code::removed);
}

TEST(ConsumerDescriptor, SaysThatAllItMayHaveIsInHand) {
  Jobs jobs;
  auto consumer = jobs.group().consumer({.prefetch = 1}).value();
  const Events events(consumer.fd().value());
  jobs.publish(1, 2);
  auto held = events.wait_for(consumer);
  EXPECT_EQ(events.wait_for(consumer).error(), Code::too_many);
  held.ack().value();
  EXPECT_EQ(*events.wait_for(consumer), 2U);
}

TEST(WaitAnyOfBothKinds, TellsWhichIsReady) {
  Jobs jobs;
  auto consumer = jobs.group().consumer().value();
  auto subscriber = jobs.bus().topic("notes").value().subscriber().value();
  Waitable* const all[] = {&subscriber, &consumer};
  EXPECT_FALSE(wait_any(all, 1ms));
  Child publishing([&] {
    auto bus = jobs.at().open();
    bus.topic<std::uint64_t>("jobs", {.depth = 64}).value().publisher().value().publish(7).value();
  });
  EXPECT_EQ(wait_any(all), 1U);
  EXPECT_EQ(*consumer.try_take(), 7U);
  EXPECT_EQ(publishing.wait(), 0);
  jobs.bus().topic("notes").value().publisher().value().publish("x").value();
  EXPECT_EQ(wait_any(all), 0U);
}

TEST(WaitAnyOfBothKinds, ServesMoreThanOneCallToTheKernelTakes) {
  Jobs jobs;
  const auto group = jobs.group();
  std::vector<Consumer<std::uint64_t>> consumers;
  std::vector<Waitable*> all;
  for (int i = 0; i < 70; ++i) consumers.push_back(group.consumer({.spin = 0ns}).value());
  for (auto& consumer : consumers) all.push_back(&consumer);
  // Each finds how many share the group; then there is nothing.
  for (auto& consumer : consumers) EXPECT_FALSE(consumer.try_take());
  EXPECT_FALSE(wait_any(all, 1ms));
  Child publishing([&] {
    auto bus = jobs.at().open();
    bus.topic<std::uint64_t>("jobs", {.depth = 64}).value().publisher().value().publish(7).value();
  });
  const auto ready = wait_any(all);
  ASSERT_TRUE(ready);
  EXPECT_EQ(*consumers[*ready].try_take(), 7U);
  EXPECT_EQ(publishing.wait(), 0);
}

/// Acks all it gets, and ends the group once all have come.
Task work(const Jobs& jobs, Consumer<std::uint64_t>& consumer, std::vector<std::uint64_t>& done,
          std::uint64_t total) {
  while (auto delivery = co_await consumer.next()) {
    done.push_back(*delivery);
    delivery.ack().value();
    if (done.size() == total) jobs.topic().remove_group("workers").value();
  }
}

TEST(ConsumerCoroutine, SharesMessagesWithOthersOnOneThread) {
  Jobs jobs({.depth = 1024});
  const auto group = jobs.group();
  auto one = group.consumer({.prefetch = 1}).value();
  auto other = group.consumer({.prefetch = 1}).value();
  Child publishing([&] {
    auto bus = jobs.at().open();
    auto publisher = bus.topic<std::uint64_t>("jobs", {.depth = 1024}).value().publisher().value();
    for (std::uint64_t i = 1; i <= 500; ++i) {
      publisher.publish(i).value();
      if (i % 50 == 0) usleep(1000);  // so that they sleep in between
    }
  });
  std::vector<std::uint64_t> done;
  // Two tasks wait for the first consumer, one for the other: whoever finds nothing waits on.
  run(work(jobs, one, done, 500), work(jobs, one, done, 500), work(jobs, other, done, 500));
  EXPECT_THAT(done, UnorderedElementsAreArray(numbers(1, 500)));
  EXPECT_EQ(publishing.wait(), 0);
}

Task take_two(Consumer<std::uint64_t>& consumer, std::vector<std::uint64_t>& done) {
  for (int i = 0; i < 2; ++i) {
    auto delivery = co_await consumer.next();
    if (!delivery) break;
    done.push_back(*delivery);
    delivery.ack().value();
  }
}

TEST(ConsumerCoroutine, IsResumedForWhatIsDue) {
  Jobs jobs;
  auto consumer = jobs.group().consumer().value();
  jobs.publisher().publish(1, {.delay = 20ms}).value();
  jobs.publish(2, 2);
  std::vector<std::uint64_t> done;
  run(take_two(consumer, done));
  EXPECT_THAT(done, ElementsAre(2, 1));
}

TEST(ConsumerCoroutine, WaitsOutsideOfALoop) {
  Jobs jobs;
  auto consumer = jobs.group().consumer().value();
  jobs.publish(1, 1);
  auto next = consumer.next();
  EXPECT_TRUE(next.await_ready());
  EXPECT_EQ(*next.await_resume(), 1U);
}

}  // namespace
}  // namespace tow
