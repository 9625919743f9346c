#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::Shared;
using test::TempBus;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

class Removal : public testing::TestWithParam<Publishers> {
 protected:
  Topic<> topic(std::uint64_t depth = 16) const {
    return bus_.open().topic("notes", {.publishers = GetParam(), .depth = depth}).value();
  }
  /// A topic that may vanish at each step is used, or said to be gone.
  void create_and_use() const {
    const auto bytes = bus_.open().topic("notes", {.publishers = GetParam(), .depth = 16});
    ASSERT_TRUE(bytes) << bytes.error().message();
    auto publisher = bytes->publisher();
    if (publisher) {
      (void)publisher->publish("x");
      return;
    }
    ASSERT_THAT(publisher.error().code,
                testing::AnyOf(Code::removed, Code::publisher_exists, Code::not_found))
        << publisher.error().message();
  }
  const TempBus bus_;
};

TEST_P(Removal, UsersReadWhatIsThereAndThenLearnOfIt) {
  const auto bytes = topic();
  auto publisher = bytes.publisher().value();
  auto subscriber = bytes.subscriber().value();
  publisher.publish("a").value();
  publisher.publish(std::string(5000, 'b')).value();
  bus_.open().remove_topic("notes").value();
  EXPECT_THAT(bus_.open().topics(), IsEmpty());
  EXPECT_TRUE(bytes.info().removed);
  EXPECT_EQ(subscriber.take().text(), "a");
  EXPECT_EQ(subscriber.take().text(), std::string(5000, 'b'));
  const auto end = subscriber.take();
  ASSERT_TRUE(end.failed());
  EXPECT_EQ(end.error(), Code::removed);
  EXPECT_THAT(end.error().message(), HasSubstr("topic notes was removed; open it anew"));
  Result<void> result;
  for (int i = 0; i < 100 && result; ++i) result = publisher.publish("x");
  EXPECT_EQ(result.error(), Code::removed);
  EXPECT_EQ(bytes.publisher().error(), Code::removed);
  EXPECT_EQ(bytes.subscriber().error(), Code::removed);
  EXPECT_EQ(bytes.wait_for_subscribers(5).error(), Code::removed);
}

TEST_P(Removal, WakesThoseWhoSleepOnIt) {
  const auto bytes = topic();
  const Shared<std::atomic<int>> ready;
  Child reader([&] {
    auto subscriber = topic().subscriber().value();
    ++*ready;
    EXPECT_EQ(subscriber.take().error(), Code::removed);
  });
  ASSERT_TRUE(test::eventually([&] { return *ready == 1 && reader.asleep(); }));
  bus_.open().remove_topic("notes").value();
  EXPECT_EQ(reader.wait(), 0);
}

TEST_P(Removal, WakesAPublisherThatWaitsForRoom) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  Child writer([&] {
    auto publisher = topic().publisher().value();
    Result<void> result;
    while ((result = publisher.publish("x"))) {
    }
    EXPECT_EQ(result.error(), Code::removed);
  });
  ASSERT_TRUE(test::eventually([&] { return subscriber.lag() >= 16 && writer.asleep(); }));
  bus_.open().remove_topic("notes").value();
  EXPECT_EQ(writer.wait(), 0);
}

TEST_P(Removal, NameCanBeUsedAgainAtOnceForAnythingElse) {
  const auto old = topic();
  auto old_subscriber = old.subscriber().value();
  old.publisher().value().publish("old").value();
  bus_.open().remove_topic("notes").value();
  const auto fresh = topic(64);
  EXPECT_EQ(fresh.last_sequence(), 0U);
  auto subscriber = fresh.subscriber().value();
  fresh.publisher().value().publish("new").value();
  EXPECT_EQ(subscriber.take().text(), "new");
  EXPECT_EQ(old_subscriber.take().text(), "old");
  EXPECT_EQ(old_subscriber.take().error(), Code::removed);
  EXPECT_THAT(bus_.open().topics(), ElementsAre("notes"));
}

TEST_P(Removal, LeavesNoFilesOnceItsSubscribersAreGone) {
  const Bus mine = bus_.open();
  const std::string topics = bus_.name() + "/topics";
  {
    const auto bytes = topic();
    auto publisher = bytes.publisher().value();
    mine.remove_topic("notes").value();
    EXPECT_THAT(test::tree_of(topics), IsEmpty()) << "nobody reads";
  }
  {
    const auto bytes = topic();
    auto subscriber = bytes.subscriber().value();
    mine.remove_topic("notes").value();
    EXPECT_EQ(mine.heal().leftovers, 0U) << "somebody may still read";
  }
  EXPECT_EQ(mine.heal().leftovers, 1U);
  EXPECT_THAT(test::tree_of(topics), IsEmpty());
}

TEST_P(Removal, OfADamagedTopicWorks) {
  (void)topic();
  test::overwrite(bus_.topic_path("notes") + "/order", 0, std::uint64_t{42});
  EXPECT_EQ(bus_.open().topic("notes").error(), Code::corrupt);
  bus_.open().remove_topic("notes").value();
  EXPECT_EQ(topic().last_sequence(), 0U);
}

TEST_P(Removal, LeftoversOfADeadRemoverAreDeletedByHeal) {
  (void)topic();
  const std::string topics = bus_.name() + "/topics/";
  ASSERT_EQ(rename((topics + "notes").c_str(), (topics + ".removed-123").c_str()), 0);
  EXPECT_THAT(bus_.open().topics(), IsEmpty());
  EXPECT_THAT(test::tree_of(topics), IsEmpty());
}

TEST_P(Removal, ManyAtOnceWithCreatorsBetweenThemLoseNothing) {
  const Shared<std::atomic<int>> end;
  std::vector<Child> children;
  for (int i = 0; i < 2; ++i) {
    children.emplace_back([&] {
      const Bus bus = bus_.open();
      while (*end == 0) {
        const auto removed = bus.remove_topic("notes");
        if (!removed) {
          ASSERT_EQ(removed.error(), Code::not_found) << removed.error().message();
        }
      }
    });
    children.emplace_back([&] {
      for (int round = 0; round < 100 && !HasFailure(); ++round) create_and_use();
      ++*end;
    });
  }
  for (Child& child : children) EXPECT_EQ(child.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Removal, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

TEST(RemovalOfABus, InUseIsRefusedNamingTheUser) {
  const TempBus bus;
  const Shared<std::atomic<int>> ready;
  Child user([&] {
    const Bus mine = bus.open();
    *ready = 1;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return *ready == 1; }));
  const auto refused = Bus::remove(bus.name());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::already_exists);
  EXPECT_THAT(refused.error().message(), HasSubstr("in use by pid " + std::to_string(user.pid())));
  EXPECT_THAT(refused.error().message(), HasSubstr("end it first"));
  user.kill();
  EXPECT_TRUE(Bus::remove(bus.name()));
  struct stat status {};
  EXPECT_NE(stat(bus.name().c_str(), &status), 0);
  EXPECT_EQ(Bus::remove(bus.name()).error(), Code::not_found);
}

}  // namespace
}  // namespace tow
