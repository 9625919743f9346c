#include <gmock/gmock.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <set>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::Shared;
using test::TempBus;
using namespace std::chrono_literals;

class Waiting : public testing::TestWithParam<Publishers> {
 protected:
  Topic<> topic(const std::string& name = "notes") const {
    return bus_.open().topic(name, {.publishers = GetParam(), .depth = 64}).value();
  }
  static bool readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
  }
  const TempBus bus_;
};

TEST_P(Waiting, DescriptorIsReadableWhileThereMayBeMessages) {
  const auto bytes = topic();
  auto publisher = bytes.publisher().value();
  auto subscriber = bytes.subscriber().value();
  const int fd = subscriber.fd().value();
  EXPECT_EQ(subscriber.fd().value(), fd) << "there is one";
  EXPECT_TRUE(readable(fd)) << "the first look arms it";
  EXPECT_FALSE(subscriber.try_take());
  EXPECT_FALSE(readable(fd));
  publisher.publish("a").value();
  publisher.publish("b").value();
  ASSERT_TRUE(test::eventually([&] { return readable(fd); }));
  EXPECT_EQ(subscriber.try_take().text(), "a");
  EXPECT_TRUE(readable(fd)) << "level-triggered: there is more";
  EXPECT_EQ(subscriber.try_take().text(), "b");
  EXPECT_FALSE(subscriber.try_take());
  EXPECT_FALSE(readable(fd));
}

TEST_P(Waiting, DescriptorWakesEpollOfAnotherProcessForEveryMessage) {
  const Shared<std::atomic<int>> taken, ready;
  Child reader([&] {
    auto subscriber = topic().subscriber().value();
    const int events = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    ASSERT_EQ(epoll_ctl(events, EPOLL_CTL_ADD, subscriber.fd().value(), &event), 0);
    EXPECT_FALSE(subscriber.try_take());
    *ready = 1;
    while (*taken < 200) {
      ASSERT_GE(epoll_wait(events, &event, 1, -1), 0);
      while (subscriber.try_take()) ++*taken;
    }
  });
  const auto bytes = topic();
  auto publisher = bytes.publisher().value();
  ASSERT_TRUE(test::eventually([&] { return *ready == 1; }));
  for (int i = 0; i < 200; ++i) {  // one at a time: each must wake it anew
    publisher.publish("x").value();
    ASSERT_TRUE(test::eventually([&] { return *taken == i + 1; })) << i;
  }
  EXPECT_EQ(reader.wait(), 0);
}

TEST_P(Waiting, DescriptorTellsOfRemoval) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  const int fd = subscriber.fd().value();
  EXPECT_FALSE(subscriber.try_take());
  bus_.open().remove_topic("notes").value();
  ASSERT_TRUE(test::eventually([&] { return readable(fd); }));
  EXPECT_EQ(subscriber.try_take().error(), Code::removed);
}

struct Answer {
  std::atomic<int> ready{0};
  std::atomic<int> position{-1};
};

/// Waits on `count` topics; the parent publishes to the one that it picks.
void wait_on(const TempBus& bus, Publishers kind, std::size_t count, int rounds, Answer& answer) {
  const Bus mine = bus.open();
  std::vector<Subscriber<>> subscribers;
  std::vector<SubscriberBase*> all;
  for (std::size_t i = 0; i < count; ++i) {
    const TopicOptions options{
        .publishers = kind, .depth = 16, .max_message_bytes = 48, .pool_bytes = 64};
    const auto topic = mine.topic("topic" + std::to_string(i), options).value();
    subscribers.push_back(topic.subscriber().value());
  }
  for (auto& subscriber : subscribers) all.push_back(&subscriber);
  EXPECT_FALSE(wait_any(all, 1ms)) << "nothing was published";
  answer.ready = 1;
  for (int round = 0; round < rounds; ++round) {
    const auto position = wait_any(all);
    ASSERT_TRUE(position);
    ASSERT_TRUE(subscribers[*position].try_take());
    answer.position = static_cast<int>(*position);
  }
}

class WaitAny : public testing::TestWithParam<std::tuple<Publishers, std::size_t>> {};

TEST_P(WaitAny, TellsWhichOfItsSubscribersHasAMessage) {
  const auto [kind, count] = GetParam();
  const TempBus bus;
  const Shared<Answer> answer;
  const std::vector<std::size_t> picks{0, count - 1, count / 2, count - 1, 1};
  Child reader([&, kind = kind, count = count] {
    wait_on(bus, kind, count, static_cast<int>(picks.size()), *answer);
  });
  ASSERT_TRUE(test::eventually([&] { return answer->ready == 1; }));
  const Bus mine = bus.open();
  for (const std::size_t pick : picks) {
    ASSERT_TRUE(test::eventually([&] { return reader.asleep(); }));
    answer->position = -1;
    auto publisher = mine.topic("topic" + std::to_string(pick)).value().publisher().value();
    publisher.publish("x").value();
    ASSERT_TRUE(test::eventually([&] { return answer->position == static_cast<int>(pick); }));
  }
  EXPECT_EQ(reader.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Counts, WaitAny,
                         testing::Combine(testing::Values(Publishers::one, Publishers::many),
                                          testing::Values(3, 200)),
                         [](const auto& row) {
                           return std::string(std::get<0>(row.param) == Publishers::one ? "one_"
                                                                                        : "many_") +
                                  std::to_string(std::get<1>(row.param));
                         });

Task count_messages(Subscriber<>& subscriber, int wanted, std::vector<std::string>& seen) {
  for (int i = 0; i < wanted; ++i) {
    const auto message = co_await subscriber.next();
    if (!message) co_return;
    seen.emplace_back(message.text());
  }
}

TEST_P(Waiting, CoroutinesOfSeveralTopicsTakeTurnsOnOneThread) {
  const auto a = topic("a"), b = topic("b");
  auto from_a = a.subscriber().value();
  auto from_b = b.subscriber().value();
  Child writer([&] {
    const Bus mine = bus_.open();
    auto to_a = topic("a").publisher().value();
    auto to_b = topic("b").publisher().value();
    for (int i = 0; i < 300; ++i) {
      to_a.publish(std::to_string(i) + "a").value();
      to_b.publish(std::to_string(i) + "b").value();
    }
  });
  std::vector<std::string> seen_a, seen_b;
  run(count_messages(from_a, 300, seen_a), count_messages(from_b, 300, seen_b));
  ASSERT_EQ(seen_a.size(), 300U);
  ASSERT_EQ(seen_b.size(), 300U);
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(seen_a[static_cast<std::size_t>(i)], std::to_string(i) + "a");
    EXPECT_EQ(seen_b[static_cast<std::size_t>(i)], std::to_string(i) + "b");
  }
  EXPECT_EQ(writer.wait(), 0);
}

Task fail_after_one(Subscriber<>& subscriber) {
  const auto message = co_await subscriber.next();
  throw std::runtime_error(std::string(message.text()));
}

TEST_P(Waiting, ExceptionOfACoroutineEndsTheLoopWithIt) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  bytes.publisher().value().publish("the reason").value();
  try {
    run(fail_after_one(subscriber));
    FAIL() << "it went unnoticed";
  } catch (const std::runtime_error& failure) {
    EXPECT_STREQ(failure.what(), "the reason");
  }
}

TEST_P(Waiting, CoroutineEndsWhenItsTopicIsRemoved) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  Child remover([&] { bus_.open().remove_topic("notes").value(); });
  std::vector<std::string> seen;
  run(count_messages(subscriber, 5, seen));
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(remover.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Waiting, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow
