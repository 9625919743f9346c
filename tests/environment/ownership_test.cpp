// Buses that belong to another user, with and without the right to use them.

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <functional>
#include <optional>

#include "tests/support/expect_error.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/towpath.hpp"

namespace tow {
namespace {

using test::Child;
using test::expect_error;
using test::Shared;
using test::TempBus;
using namespace std::chrono_literals;

/// Two more users who own nothing.
constexpr uid_t kOwner = 65'533, kOther = test::kNobody;

TEST(Permission, OthersMayNotUseAPrivateBus) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
  const TempBus bus(0755);
  (void)bus.open().topic("notes").value();
  Child child(
      [&] {
        expect_error(Bus::open(bus.name()), Code::no_permission, bus.name(), "uid 65534");
        expect_error(Bus::open(bus.name(), {.observe = true}), Code::no_permission, bus.name(),
                     "ask its owner");
      },
      test::kNobody);
  EXPECT_EQ(child.wait(), 0);
}

TEST(Permission, OthersUseASharedBusFromWhicheverSideMadeTheTopic) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
  const TempBus bus(0777);
  const Bus mine = bus.open({.file_mode = 0666});
  auto subscriber = mine.topic("ours").value().subscriber().value();
  Child child(
      [&] {
        const Bus other = bus.open();
        other.topic("ours").value().publisher().value().publish("from nobody").value();
        other.topic("theirs").value().publisher().value().publish("their topic").value();
      },
      test::kNobody);
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(subscriber.take(0s).text(), "from nobody");
  auto theirs = mine.topic("theirs").value().subscriber({.start = Start::oldest()}).value();
  EXPECT_EQ(theirs.take(0s).text(), "their topic");
}

TEST(Permission, WithoutTheRightToWriteTheOrderOneMayOnlyRead) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
  for (const Publishers kind : {Publishers::one, Publishers::many}) {
    const TempBus bus(0777);
    const auto topic = bus.open({.file_mode = 0666}).topic("notes", {.publishers = kind}).value();
    auto publisher = topic.publisher().value();
    publisher.publish("x").value();
    const std::string order = bus.topic_path("notes") + "/order";
    ASSERT_EQ(chmod(order.c_str(), 0644), 0);
    Child child(
        [&] {
          const auto theirs = bus.open().topic("notes").value();
          auto subscriber = theirs.subscriber({.start = Start::oldest()}).value();
          EXPECT_EQ(subscriber.take(0s).text(), "x");
          expect_error(theirs.publisher(), Code::no_permission, order, "no right to publish");
          expect_error(bus.open().remove_topic("notes"), Code::no_permission, "topic notes",
                       "ask its owner");
        },
        test::kNobody);
    EXPECT_EQ(child.wait(), 0);
  }
}

TEST(Permission, ObserverNeedsToReadOnly) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
  const TempBus bus(0755);
  const auto topic = bus.open({.file_mode = 0644}).topic("notes").value();
  topic.publisher().value().publish("x").value();
  Child child(
      [&] {
        EXPECT_EQ(Bus::open(bus.name()).error(), Code::no_permission) << "it cannot join";
        const Bus looker = bus.open({.observe = true});
        const auto theirs = looker.topic("notes").value();
        EXPECT_EQ(theirs.observer(Start::oldest()).take(1s).text(), "x");
        expect_error(theirs.subscriber(), Code::no_permission, "board", "ask the topic's owner");
      },
      test::kNobody);
  EXPECT_EQ(child.wait(), 0);
}

/// A topic on a bus that `kOwner` made for everybody.
class SharedByItsOwner : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
    Child owner([&] { (void)topic(); }, kOwner);
    ASSERT_EQ(owner.wait(), 0);
  }
  Topic<> topic() const {
    return bus_.open({.file_mode = 0666}).topic("notes", {.depth = 16}).value();
  }
  /// A process of `user` that is killed while its required subscriber, or its publisher and one
  /// message, are there.
  void die_as(uid_t user, bool publishing) const {
    const Shared<std::atomic<int>> ready;
    Child child(
        [&] {
          const auto notes = topic();
          std::optional<Publisher<>> publisher;
          std::optional<Subscriber<>> subscriber;
          if (publishing) {
            publisher.emplace(notes.publisher().value());
            publisher->publish("the last word").value();
          } else {
            subscriber.emplace(notes.subscriber().value());
          }
          *ready = 1;
          test::sleep_until_killed();
        },
        user);
    ASSERT_TRUE(test::eventually([&] { return *ready == 1; }));
    child.kill();
  }
  void as(uid_t user, const std::function<void()>& body) const {
    Child child(body, user);
    EXPECT_EQ(child.wait(), 0);
  }
  std::size_t entries() const {
    return bus_.open({.create = false, .observe = true}).processes().size();
  }
  const TempBus bus_{0777};
};

TEST_F(SharedByItsOwner, DeadSubscriberOfAnotherUserHoldsNobodyUp) {
  die_as(kOther, false);
  as(kOwner, [&] {
    auto publisher = topic().publisher().value();
    for (int i = 0; i < 1000; ++i) publisher.publish("x").value();
  });
  EXPECT_EQ(entries(), 1U) << "an entry is freed by processes of its user";
  as(kOther, [&] { EXPECT_TRUE(topic().info().subscribers.empty()); });
  EXPECT_EQ(entries(), 0U);
}

TEST_F(SharedByItsOwner, DeadPublisherOfAnotherUserIsSucceeded) {
  die_as(kOther, true);
  as(kOwner, [&] {
    auto subscriber = topic().subscriber({.start = Start::oldest()}).value();
    auto publisher = topic().publisher().value();
    publisher.publish("the next").value();
    EXPECT_EQ(subscriber.take(0s).text(), "the last word");
    EXPECT_EQ(subscriber.take(0s).text(), "the next");
  });
}

TEST_F(SharedByItsOwner, WithoutTheRightToFreeItTheDeadOnesPageIsOnlyPassedOver) {
  die_as(kOther, false);
  const std::string page = bus_.topic_path("notes") + "/readers/0";
  ASSERT_EQ(chmod(page.c_str(), 0644), 0);  // its own user alone may write it
  as(kOwner, [&] {
    auto publisher = topic().publisher().value();
    for (int i = 0; i < 1000; ++i) publisher.publish("x").value();
    auto subscriber = topic().subscriber().value();
    publisher.publish("for another page").value();
    EXPECT_EQ(subscriber.take(0s).text(), "for another page");
  });
}

TEST_F(SharedByItsOwner, PageThatMayNotBeReadIsWaitedFor) {
  const Shared<std::atomic<int>> step;
  Child hidden(
      [&] {
        auto subscriber = topic().subscriber().value();
        *step = 1;
        ASSERT_TRUE(test::eventually([&] { return *step == 2; }));
        for (int i = 0; i < 3; ++i) EXPECT_EQ(subscriber.take(0s).text(), "x");
      },
      kOther);
  ASSERT_TRUE(test::eventually([&] { return *step == 1; }));
  const std::string page = bus_.topic_path("notes") + "/readers/0";
  ASSERT_EQ(chmod(page.c_str(), 0600), 0);
  as(kOwner, [&] {
    auto publisher = topic().publisher({.when_full = WhenFull::fail}).value();
    Result<void> result;
    while ((result = publisher.publish("x"))) {
    }
    expect_error(result, Code::full, page, "permission");
  });
  *step = 2;
  EXPECT_EQ(hidden.wait(), 0) << "it has seen everything";
}

TEST(Permission, DefaultDirectoryThatSomebodyElseMadeIsRefused) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
  const std::string path = "/dev/shm/towpath-" + std::to_string(kOwner);
  if (mkdir(path.c_str(), 0777) != 0) GTEST_SKIP() << path << " exists";
  Child child(
      [&] {
        unsetenv("TOWPATH_DIR");
        expect_error(Bus::open("any"), Code::no_permission, path, "set TOWPATH_DIR");
      },
      kOwner);
  EXPECT_EQ(child.wait(), 0);
  rmdir(path.c_str());
}

}  // namespace
}  // namespace tow
