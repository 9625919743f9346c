// What a file that is truncated while others use it does to them: an error of that topic, in each
// process that looks, and nothing else.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/bus/notes.hpp"

// Under ThreadSanitizer all handles of a process share one mapping, and so one fate.
#ifndef __SANITIZE_THREAD__

namespace tow {
namespace {

using test::Child;
using test::TempBus;
using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct Case {
  const char* file;
  Publishers kind;
};

class TruncatedFile : public testing::TestWithParam<Case> {
 protected:
  TruncatedFile() {
    publisher_.publish("before").value();
    EXPECT_EQ(subscriber_.take(1s).text(), "before");
  }
  std::string file() const { return bus_.topic_path("notes") + '/' + GetParam().file; }
  void cut() const { ASSERT_EQ(truncate(file().c_str(), 0), 0); }
  void expect_corrupt(Error error) const {
    EXPECT_EQ(error, Code::corrupt) << error.message();
    EXPECT_THAT(error.message(), AllOf(HasSubstr("topic notes"), HasSubstr(GetParam().file),
                                       HasSubstr("truncated"), HasSubstr("remove the topic")));
  }
  bool is(const std::string& which) const { return which == GetParam().file; }
  void expect_other_topic_works() {
    other_publisher_.publish("after").value();
    EXPECT_EQ(other_subscriber_.take(1s).text(), "after");
  }

  TempBus bus_;
  Bus mine_ = bus_.open();
  TopicOptions options_{.publishers = GetParam().kind, .depth = 16};
  Topic<Bytes> topic_ = mine_.topic("notes", options_).value();
  Subscriber<Bytes> subscriber_ = topic_.subscriber().value();
  Publisher<Bytes> publisher_ = topic_.publisher({.when_full = WhenFull::fail}).value();
  Topic<Bytes> other_ = mine_.topic("other", options_).value();
  Subscriber<Bytes> other_subscriber_ = other_.subscriber().value();
  Publisher<Bytes> other_publisher_ = other_.publisher().value();
};

TEST_P(TruncatedFile, StopsThePublisherWithinALapAndTheSubscriberAtItsNextLook) {
  cut();
  std::optional<Error> refused;
  for (int i = 0; i < 64 && !refused; ++i) {
    if (const auto done = publisher_.publish("x"); !done) refused = done.error();
  }
  EXPECT_EQ(refused.has_value(), !is("readers/0"))
      << "a page that cannot be read counts for nobody";
  if (refused) expect_corrupt(*refused);
  for (int i = 0; i < 64; ++i) {
    const auto taken = subscriber_.take(10s);
    if (taken || taken.error().message().find("skipped") != std::string::npos) continue;
    expect_corrupt(taken.error());
    return expect_other_topic_works();
  }
  FAIL() << "the subscriber noticed nothing";
}

TEST_P(TruncatedFile, EndsTheSubscriberThatTakesWhatIsThere) {
  if (is("readers/0") || is("readers/board")) GTEST_SKIP() << "looked at when it sleeps or is done";
  for (int i = 0; i < 4; ++i) publisher_.publish("x").value();
  cut();
  auto taken = subscriber_.try_take();
  for (int i = 0; i < 4 && taken; ++i)
    taken = subscriber_.try_take();  // the order is looked at last
  ASSERT_TRUE(taken.failed());
  expect_corrupt(taken.error());
  expect_other_topic_works();
}

TEST_P(TruncatedFile, WakesASleeper) {
  const bool looked_at = is("order") || is("readers/board") || GetParam().kind == Publishers::one;
  if (is("readers/0") || !looked_at) GTEST_SKIP() << "a sleeper does not look at it";
  std::optional<bool> failed;
  std::thread sleeper([&] {
    const auto taken = subscriber_.take(20s);
    failed = taken.failed();
    if (*failed) expect_corrupt(taken.error());  // its text belongs to this thread
  });
  std::this_thread::sleep_for(20ms);  // asleep or not yet: both must end
  cut();
  sleeper.join();
  EXPECT_TRUE(*failed);
  expect_other_topic_works();
}

TEST_P(TruncatedFile, LeavesOtherProcessesAndOtherTopicsAlone) {
  Child child([&] {
    const Bus bus = bus_.open();
    auto publisher = bus.topic("other").value();
    EXPECT_EQ(publisher.info().name, "other");
    cut();
    const auto topic = bus.topic("notes");
    if (topic) {
      (void)topic->info();
    } else {
      EXPECT_EQ(topic.error(), Code::corrupt) << topic.error().message();
    }
  });
  EXPECT_EQ(child.wait(), 0);
  expect_other_topic_works();
  (void)topic_.info();
  (void)topic_.last_sequence();
  (void)topic_.wait_for_subscribers(1, 10ms);
  EXPECT_FALSE(mine_.processes().empty());
  mine_.heal();
}

TEST_P(TruncatedFile, IsMendedByRemovingTheTopicAndMakingItAnew) {
  cut();
  for (int i = 0; i < 64; ++i) (void)publisher_.publish("x");
  (void)subscriber_.take(1s);
  ASSERT_TRUE(mine_.remove_topic("notes"));
  const auto anew = mine_.topic("notes", options_).value();
  auto subscriber = anew.subscriber().value();
  anew.publisher().value().publish("again").value();
  EXPECT_EQ(subscriber.take(1s).text(), "again");
}

INSTANTIATE_TEST_SUITE_P(
    Files, TruncatedFile,
    testing::Values(Case{"order", Publishers::one}, Case{"order", Publishers::many},
                    Case{"lanes/0", Publishers::one}, Case{"lanes/0", Publishers::many},
                    Case{"readers/board", Publishers::one}, Case{"readers/board", Publishers::many},
                    Case{"readers/0", Publishers::one}, Case{"readers/0", Publishers::many}),
    [](const auto& row) {
      std::string name = row.param.file;
      std::replace(name.begin(), name.end(), '/', '_');
      return name + (row.param.kind == Publishers::one ? "_one" : "_many");
    });

TEST(TruncatedPage, OfAnotherProcessCountsForNobody) {
  const TempBus bus;
  const auto topic = bus.open().topic("notes", {.depth = 16}).value();
  auto publisher = topic.publisher({.when_full = WhenFull::fail}).value();
  Child holder([&] {
    auto subscriber = bus.open().topic("notes").value().subscriber().value();
    test::sleep_until_killed();
  });
  topic.wait_for_subscribers(1).value();
  while (publisher.publish("x")) {
  }
  ASSERT_EQ(truncate((bus.topic_path("notes") + "/readers/0").c_str(), 0), 0);
  EXPECT_TRUE(publisher.publish("x")) << "the topic goes on without that subscriber";
}

TEST(TruncatedLane, OfALargePayloadInPlaceReadsAsZeros) {
  const TempBus bus;
  const auto topic = bus.open().topic("notes").value();
  auto subscriber = topic.subscriber().value();
  auto publisher = topic.publisher().value();
  publisher.publish(std::string(8192, 'x')).value();
  const auto message = subscriber.take(1s);
  ASSERT_TRUE(message);
  ASSERT_EQ(truncate((bus.topic_path("notes") + "/lanes/0").c_str(), 0), 0);
  for (const std::byte byte : message.bytes()) ASSERT_EQ(byte, std::byte{0});
}

TEST(TruncatedParticipants, MakeNobodyDead) {
  const TempBus bus;
  const Bus mine = bus.open();
  const auto topic = mine.topic("notes", {.publishers = Publishers::one, .depth = 16}).value();
  auto publisher = topic.publisher({.when_full = WhenFull::fail}).value();
  const std::string file = bus.name() + "/participants/" + std::to_string(geteuid());
  const Bus other = bus.open();  // joined before
  ASSERT_EQ(truncate(file.c_str(), 0), 0);
  EXPECT_EQ(other.heal().lanes, 0U);
  // Processes cannot be seen by others any more, so they stop.
  EXPECT_EQ(other.topic("notes").error(), Code::stale);
  std::optional<Error> refused;
  for (int i = 0; i < 64 && !refused; ++i) {
    if (const auto done = publisher.publish("x"); !done) refused = done.error();
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(*refused, Code::stale) << refused->message();
  EXPECT_EQ(Bus::open(bus.name()).error(), Code::corrupt);
}

TEST(TruncatedBus, IsRefusedAndDoesNothingToThoseWhoHaveItOpen) {
  const TempBus bus;
  const Bus mine = bus.open();
  auto subscriber = mine.topic("notes").value().subscriber().value();
  ASSERT_EQ(truncate((bus.name() + "/bus").c_str(), 0), 0);
  mine.topic("notes").value().publisher().value().publish("x").value();
  EXPECT_EQ(subscriber.take(1s).text(), "x");
  EXPECT_EQ(Bus::open(bus.name()).error(), Code::corrupt);
}

}  // namespace
}  // namespace tow

#endif
