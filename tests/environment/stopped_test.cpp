// Processes that stand still for long (SIGSTOP) are slow, not dead.

#include <fcntl.h>

#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <thread>

#include "member.hpp"

namespace tow::test {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr auto kStop = 1s;
#else
constexpr auto kStop = 10s;
#endif

/// Where towd is built: one that watches `bus`. It must find nobody dead.
class Supervision {
 public:
  Supervision(const std::string& bus, const std::string& log) : log_(log) {
#ifdef TOWPATH_TOWD
    towd_.emplace([&] {
      dup2(open(log.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
      execl(TOWPATH_TOWD, "towd", "--bus", bus.c_str(), nullptr);
      _exit(127);
    });
    EXPECT_TRUE(eventually([&] { return text().find("watching") != std::string::npos; }));
#else
    (void)bus;
#endif
  }
  std::string text() const {
    std::ifstream file(log_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string log_;
  std::optional<Child> towd_;
};

class Stopped : public testing::TestWithParam<Publishers> {
 protected:
  Topic<std::uint64_t> topic(const std::string& name) const {
    const TopicOptions options{.publishers = GetParam(), .depth = 16, .max_publishers = 1};
    return place_.open().topic<std::uint64_t>(name, options).value();
  }
  const TempBus place_;
  const TempDir logs_;
  const Shared<Steps> steps_;
};

TEST_P(Stopped, PublisherAndRequiredSubscriberAreWaitedForAndLoseNothing) {
  const auto spoken = topic("spoken"), heard = topic("heard");
  const Supervision supervision(place_.name(), logs_.path() + "/towd");
  Child speaker([&] {
    auto publisher = topic("spoken").publisher().value();
    for (std::uint64_t i = 1; steps_->go == 0; ++i) {
      publisher.publish(i).value();
      steps_->published = i;
    }
  });
  Child listener([&] {
    auto subscriber = topic("heard").subscriber().value();
    steps_->ready = 1;
    for (std::uint64_t i = 1; i != 0; i = subscriber.take().sequence() + 1) {
      EXPECT_EQ(subscriber.next_sequence(), i);
      if (steps_->go != 0 && subscriber.lag() == 0) return;
    }
  });
  auto subscriber = spoken.subscriber().value();
  auto publisher = heard.publisher({.wait_at_most = 10ms}).value();
  std::uint64_t taken = subscriber.next_sequence() - 1, sent = 0;
  const auto drain = [&] {
    while (const auto message = subscriber.try_take()) EXPECT_EQ(*message, ++taken);
  };
  ASSERT_TRUE(eventually([&] { return drain(), steps_->ready == 1 && taken > 100; }));
  speaker.stop();
  listener.stop();
  const auto end = std::chrono::steady_clock::now() + kStop;
  Result<void> last;
  while (std::chrono::steady_clock::now() < end) {
    drain();
    last = publisher.publish(sent + 1);
    if (last) ++sent;
    EXPECT_EQ(place_.open().heal().participants, 0U);
    for (const auto& process : place_.open().processes()) EXPECT_TRUE(process.alive);
    EXPECT_FALSE(topic("spoken").publisher()) << "its place is not free";
  }
  EXPECT_EQ(last.error(), Code::timed_out) << "the listener reads nothing and is waited for";
  EXPECT_EQ(heard.info().subscribers.size(), 1U);
  EXPECT_EQ(supervision.text().find("died"), std::string::npos);
  speaker.go_on();
  listener.go_on();
  const std::uint64_t stood_at = taken;
  EXPECT_TRUE(eventually([&] { return drain(), taken > stood_at + 1000; }));
  steps_->go = 1;
  while (!publisher.publish(sent + 1)) {
  }
  EXPECT_TRUE(eventually([&] { return drain(), steps_->published <= taken; }));
  EXPECT_EQ(speaker.wait(), 0);
  EXPECT_EQ(listener.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Stopped, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow::test
