// Processes that cannot see each other: other PID namespaces, other mounts, only the directory of
// the bus shared. towd's part is in tests/e2e/towd_test.cpp.

#include <thread>

#include "isolation.hpp"
#include "member.hpp"

namespace tow::test {
namespace {

using namespace std::chrono_literals;

class PidNamespaces : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = obstacle_to(kOwnWorld); !why.empty()) GTEST_SKIP() << why;
    (void)small_topic(bus_);
  }
  Child elsewhere(const std::function<void(const std::string& bus)>& body) const {
    return container(here_.path(), there_.path(), [this, body] { body(there_.path() + "/bus"); });
  }
  /// Publishes and holds the topic up, until it is killed.
  [[noreturn]] static void publish_and_block(const std::string& bus, Steps& steps) {
    const auto topic = small_topic(bus);
    const auto subscriber = topic.subscriber().value();
    auto publisher = topic.publisher().value();
    for (std::uint64_t i = 1; i <= 10; ++i) publisher.publish(i).value();
    ++steps.ready;
    sleep_until_killed();
  }
  /// What the dead published is there; the topic goes on with one publisher, held up by nobody.
  static void go_on_after(const std::string& bus, const std::function<void()>& victim_dies) {
    const auto topic = small_topic(bus);
    auto subscriber = topic.subscriber({.start = Start::oldest()}).value();
    EXPECT_EQ(topic.publisher().error(), Code::publisher_exists) << "it lives";
    EXPECT_EQ(Bus::open(bus).value().heal().participants, 0U);
    victim_dies();
    auto publisher = topic.publisher({.take_over_within = kWatchdog}).value();
    for (std::uint64_t i = 1; i <= 200; ++i) {
      if (i > 10) publisher.publish(i).value();
      EXPECT_EQ(*subscriber.take(), i);
    }
    EXPECT_EQ(topic.info().subscribers.size(), 1U);
  }

  const TempDir here_, there_;
  const std::string bus_ = here_.path() + "/bus";
  const Shared<Steps> steps_;
};

TEST_F(PidNamespaces, DeathInAnotherOneIsProvedAndRepairedHere) {
  Child victim = elsewhere([&](const std::string& bus) { publish_and_block(bus, *steps_); });
  ASSERT_TRUE(eventually([&] { return steps_->ready == 1; }));
  go_on_after(bus_, [&] { victim.kill(); });
}

TEST_F(PidNamespaces, DeathHereIsProvedAndRepairedInAnotherOne) {
  Child victim([&] { publish_and_block(bus_, *steps_); });
  ASSERT_TRUE(eventually([&] { return steps_->ready == 1; }));
  Child survivor = elsewhere([&](const std::string& bus) {
    go_on_after(bus, [&] {
      steps_->go = 1;
      ASSERT_TRUE(eventually([&] { return steps_->go == 2; }));
    });
  });
  EXPECT_TRUE(eventually([&] { return steps_->go == 1; }));
  victim.kill();
  steps_->go = 2;
  EXPECT_EQ(survivor.wait(), 0);
}

TEST_F(PidNamespaces, OneNumberInTwoOfThemMeansTwoProcesses) {
  const auto join = [&](const std::string& bus) {
    const Bus joined = Bus::open(bus).value();
    ++steps_->ready;
    sleep_until_killed();
  };
  Child first = elsewhere(join);
  ASSERT_TRUE(eventually([&] { return steps_->ready == 1; }));
  const Child second = elsewhere(join);
  ASSERT_TRUE(eventually([&] { return steps_->ready == 2; }));
  const Bus looker = looker_at(bus_);
  const auto processes = looker.processes();
  ASSERT_EQ(processes.size(), 2U);
  for (const auto& process : processes) EXPECT_EQ(process.pid, 1U);
  first.kill();
  EXPECT_TRUE(eventually([&] { return looker.heal().participants == 1; }));
  EXPECT_TRUE(lives(looker)) << "the other has the same number and is well";
}

TEST_F(PidNamespaces, SleepersAreWokenAcrossThem) {
  Child sleeper = elsewhere([&](const std::string& bus) {
    auto subscriber = small_topic(bus).subscriber({.spin = 0ns}).value();
    ++steps_->ready;
    EXPECT_EQ(*subscriber.take(), 7U);
  });
  ASSERT_TRUE(eventually([&] { return steps_->ready == 1; }));
  small_topic(bus_).publisher().value().publish(7).value();
  EXPECT_EQ(sleeper.wait(), 0);
}

}  // namespace
}  // namespace tow::test
