#include <gmock/gmock.h>

#include <optional>
#include <thread>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::Ledger;
using test::long_note;
using test::Note;
using test::Shared;
using test::TempBus;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct Progress {
  std::atomic<std::uint64_t> published{0};
  std::atomic<int> ready{0};
};

class Survival : public testing::TestWithParam<Publishers> {
 protected:
  Topic<> topic(const TopicOptions& given = {}) const {
    TopicOptions options = given;
    options.publishers = GetParam();
    return bus_.open().topic("notes", options).value();
  }
  /// Goes on with notes for ever, telling how far it came.
  [[noreturn]] void publish_for_ever(const TopicOptions& options, Progress& progress,
                                     std::size_t filler) const {
    const auto bytes = topic(options);
    ++progress.ready;
    auto publisher = bytes.publisher({.take_over_within = 1h}).value();
    for (std::uint64_t i = bytes.last_sequence();; ++i) {
      publisher.publish(long_note(0, i, filler)).value();
      progress.published = i + 1;
    }
  }
  const TempBus bus_;
};

TEST_P(Survival, StandbyGoesOnExactlyWhereTheKilledPublisherStopped) {
  if (GetParam() == Publishers::many) {
    GTEST_SKIP() << "a topic of many needs no standby; max_publishers = 1 is tested below";
  }
  const TopicOptions options{.depth = 64};
  const auto bytes = topic(options);
  auto subscriber = bytes.subscriber().value();
  Ledger ledger;
  for (int round = 0; round < 5; ++round) {
    const Shared<Progress> progress;
    Child publisher([&] { publish_for_ever(options, *progress, 0); });
    ASSERT_TRUE(test::eventually([&] { return progress->published > 0; }));
    Child standby([&] { publish_for_ever(options, *progress, 0); });
    ASSERT_TRUE(test::eventually([&] { return progress->ready == 2; }));
    for (int i = 0; i < 500; ++i) {
      const auto message = subscriber.take();
      ledger.add(message.sequence(), message.bytes());
    }
    publisher.kill();
    for (int i = 0; i < 500; ++i) {
      const auto message = subscriber.take();
      ASSERT_TRUE(message);
      ledger.add(message.sequence(), message.bytes());
    }
    standby.kill();
    while (const auto message = subscriber.try_take()) {
      ledger.add(message.sequence(), message.bytes());
    }
  }
  EXPECT_EQ(bytes.last_sequence(), ledger.messages());
  EXPECT_GE(bytes.info().publishers.at(0).adoptions, 5U) << "each standby took over from the dead";
}

TEST_P(Survival, KilledPublishersMessagesAreAllThere) {
  const TopicOptions options{.depth = 64};
  auto subscriber = topic(options).subscriber().value();
  Ledger ledger;
  for (int round = 0; round < 20; ++round) {
    const Shared<Progress> progress;
    Child publisher([&] { publish_for_ever(options, *progress, 100); });
    ASSERT_TRUE(test::eventually([&] { return progress->published > ledger.messages() + 16; }));
    publisher.kill();
    while (const auto message = subscriber.try_take()) {
      ledger.add(message.sequence(), message.bytes());
    }
    EXPECT_GE(ledger.messages(), progress->published);
  }
}

TEST_P(Survival, HeldPayloadOfTheDeadIsNotOverwrittenByItsSuccessor) {
  const TopicOptions options{.depth = 64, .max_message_bytes = 4096, .pool_bytes = 64 << 10};
  const auto bytes = topic(options);
  auto subscriber = bytes.subscriber({.kind = SubscriberKind::lossy}).value();
  const Shared<Progress> progress;
  Child dying([&] { publish_for_ever(options, *progress, 3000); });
  auto held = subscriber.take();
  ASSERT_TRUE(held);
  const auto right = long_note(0, held.sequence() - 1, 3000);
  ASSERT_TRUE(test::eventually([&] { return progress->published > 200; }));
  dying.kill();
  auto successor = bytes.publisher().value();
  for (std::uint64_t i = 0; i < 200; ++i) {
    successor.publish(std::string(3500, '-')).value();
  }
  EXPECT_TRUE(std::equal(right.begin(), right.end(), held.bytes().begin(), held.bytes().end()));
  EXPECT_EQ(bytes.info().publishers.at(0).adoptions, 1U);
}

TEST_P(Survival, KilledSubscriberIsForgottenByPublishersThatItBlocked) {
  const TopicOptions options{.depth = 16};
  const auto bytes = topic(options);
  const Shared<Progress> progress;
  Child dead([&] {
    auto subscriber = topic(options).subscriber().value();
    progress->ready = 1;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return progress->ready == 1; }));
  auto publisher = bytes.publisher().value();
  dead.kill();
  for (int i = 0; i < 1000; ++i) publisher.publish("x").value();  // would wait for ever
  EXPECT_TRUE(bytes.info().subscribers.empty());
}

TEST_P(Survival, StoppedSubscriberIsWaitedForHoweverLong) {
  const TopicOptions options{.depth = 16};
  const auto bytes = topic(options);
  const Shared<Progress> progress;
  Child stopped([&] {
    auto subscriber = topic(options).subscriber().value();
    progress->ready = 1;
    while (progress->ready == 1) std::this_thread::yield();
    for (std::uint64_t i = 1; i <= progress->published; ++i) {
      ASSERT_EQ(subscriber.take().sequence(), i);
    }
  });
  ASSERT_TRUE(test::eventually([&] { return progress->ready == 1; }));
  stopped.stop();
  auto publisher = bytes.publisher({.wait_at_most = 200ms}).value();
  Result<void> result;
  while ((result = publisher.publish("x"))) ++progress->published;
  EXPECT_EQ(result.error(), Code::timed_out) << "a slow process is not dead";
  EXPECT_EQ(bus_.open().heal().readers, 0U);
  progress->ready = 2;
  stopped.go_on();
  EXPECT_EQ(stopped.wait(), 0);
}

TEST_P(Survival, OpeningHealsWhatTheDeadLeft) {
  const Shared<Progress> progress;
  std::vector<Child> dead;
  for (int i = 0; i < 3; ++i) {
    dead.emplace_back([&, i] {
      const auto bytes = topic();
      auto subscriber = bytes.subscriber().value();
      std::optional<Publisher<>> publisher;
      if (i == 0) publisher = bytes.publisher().value();
      ++progress->ready;
      test::sleep_until_killed();
    });
  }
  ASSERT_TRUE(test::eventually([&] { return progress->ready == 3; }));
  const Bus looker = bus_.open({.create = false, .observe = true});
  EXPECT_EQ(looker.processes().size(), 3U);
  dead.clear();  // killed
  for (const auto& process : looker.processes()) EXPECT_FALSE(process.alive);
  const auto bytes = looker.topic_as_bytes("notes").value();
  EXPECT_EQ(bytes.info().subscribers.size(), 3U) << "an observer repairs nothing";
  const Bus opener = bus_.open();
  EXPECT_EQ(opener.processes().size(), 1U) << "only ourselves";
  EXPECT_TRUE(bytes.info().subscribers.empty());
  EXPECT_TRUE(bytes.info().publishers.empty());
  EXPECT_EQ(opener.heal().participants, 0U) << "nothing is left to do";
}

TEST_P(Survival, CopiesOfHandlesThatEndInAForkedChildHarmNobody) {
  auto bytes = std::make_optional(topic());
  auto publisher = std::make_optional(bytes->publisher().value());
  auto subscriber = std::make_optional(bytes->subscriber().value());
  publisher->publish("before").value();
  Child child([&] {
    auto own = topic().subscriber({.start = Start::oldest()}).value();
    publisher.reset();
    subscriber.reset();
    bytes.reset();
    EXPECT_EQ(own.take(0s).text(), "before") << "its own mappings are whole";
  });
  EXPECT_EQ(child.wait(), 0);
  publisher->publish("after").value();
  EXPECT_EQ(subscriber->take(0s).text(), "before");
  EXPECT_EQ(subscriber->take(0s).text(), "after");
  EXPECT_EQ(bytes->info().publishers.size(), 1U);
  EXPECT_EQ(bytes->info().subscribers.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Survival, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

TEST(SurvivalOfMany, StandbyTakesTheOnlyPlaceOfTheDead) {
  const TempBus bus;
  const TopicOptions options{.publishers = Publishers::many, .depth = 16, .max_publishers = 1};
  const auto bytes = bus.open().topic("notes", options).value();
  const Shared<Progress> progress;
  Child first([&] {
    auto publisher = bus.open().topic("notes", options).value().publisher().value();
    publisher.publish("first").value();
    progress->ready = 1;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return progress->ready == 1; }));
  EXPECT_EQ(bytes.publisher({.take_over_within = 3ms}).error(), Code::too_many);
  Child standby([&] {
    const auto topic = bus.open().topic("notes", options).value();
    progress->ready = 2;
    auto publisher = topic.publisher({.take_over_within = 1h}).value();
    publisher.publish("second").value();
    EXPECT_EQ(publisher.last_sequence(), 2U);
  });
  ASSERT_TRUE(test::eventually([&] { return progress->ready == 2; }));
  first.kill();
  EXPECT_EQ(standby.wait(), 0);
}

TEST(SurvivalOfMany, PublisherKilledAmongOthersLeavesNoGap) {
  const TempBus bus;
  const TopicOptions options{.publishers = Publishers::many, .depth = 64};
  auto subscriber = bus.open().topic("notes", options).value().subscriber().value();
  std::vector<Child> publishers;
  const auto add = [&] {
    publishers.emplace_back([&] {
      auto publisher = bus.open().topic("notes", options).value().publisher().value();
      while (true) publisher.publish(std::string(200, 'x')).value();
    });
  };
  add();
  add();
  for (std::uint64_t n = 1; n <= 20'000; ++n) {
    ASSERT_EQ(subscriber.take().sequence(), n);
    if (n % 1000 != 0) continue;
    publishers.erase(publishers.begin());  // killed
    add();
  }
}

}  // namespace
}  // namespace tow
