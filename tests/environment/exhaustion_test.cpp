// A process that has no descriptors or no address space left, at each step of using a bus.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "member.hpp"

namespace tow::test {
namespace {

using namespace std::chrono_literals;

/// All steps from nothing to a message taken. Stops at the first that fails; the next attempt goes
/// on from there, in the same process and with what it has.
class User {
 public:
  User(std::string bus, Publishers kind) : name_(std::move(bus)), kind_(kind) {}

  Result<void> go_on() {
    if (auto made = make(bus_, [&] { return Bus::open(name_); }); !made) return made;
    const TopicOptions options{.publishers = kind_, .depth = 16, .pool_bytes = 1 << 20};
    if (auto made = make(topic_, [&] { return bus_->topic("notes", options); }); !made) return made;
    if (auto made = make(required_, [&] { return topic_->subscriber(); }); !made) return made;
    const SubscriberOptions lossy{.kind = SubscriberKind::lossy};
    if (auto made = make(lossy_, [&] { return topic_->subscriber(lossy); }); !made) return made;
    const PublisherOptions failing{.when_full = WhenFull::fail};
    if (auto made = make(publisher_, [&] { return topic_->publisher(failing); }); !made)
      return made;
    if (auto sent = publisher_->publish(std::string(1000, 'x')); !sent) return sent;
    auto taken = required_->take(0s);
    if (taken.failed()) return taken.error();
    EXPECT_EQ(taken.sequence(), ++taken_);
    const auto descriptor = lossy_->fd();
    return descriptor ? Result<void>() : descriptor.error();
  }

 private:
  template <class T, class Make>
  static Result<void> make(std::optional<T>& thing, Make&& how) {
    if (thing) return {};
    auto made = how();
    if (!made) return made.error();
    thing.emplace(std::move(*made));
    return {};
  }

  std::string name_;
  Publishers kind_;
  std::optional<Bus> bus_;
  std::optional<Topic<>> topic_;
  std::optional<Subscriber<>> required_, lossy_;
  std::optional<Publisher<>> publisher_;
  std::uint64_t taken_ = 0;
};

/// Gives more and more of something until all goes well; `allow` sets how much, 0 means all.
void try_with_growing(Publishers kind, int step, const std::function<void(rlim_t)>& allow) {
  int failures = 0;
  for (int amount = 1;; amount += step) {
    ASSERT_LT(failures, 500);
    const TempBus place;
    allow(static_cast<rlim_t>(amount));
    User user(place.name(), kind);
    const auto result = user.go_on();
    allow(0);
    if (result) break;
    ++failures;
    const auto again = user.go_on();
    ASSERT_TRUE(again) << "of " << amount << " it stopped with \"" << result.error().message()
                       << "\" and left what is in the way: " << again.error().message();
  }
  EXPECT_GT(failures, 5) << "there are more steps than that";
}

/// The first descriptor that is free, given that all below it are taken.
rlim_t first_free() {
  const int fd = dup(0);
  close(fd);
  return static_cast<rlim_t>(fd);
}

std::uint64_t address_space() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages;
  return pages * 4096;
}

class Exhaustion : public testing::TestWithParam<Publishers> {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers need descriptors and terabytes of their own";
#endif
  }
};

TEST_P(Exhaustion, OfDescriptorsAtAnyStepLeavesNothingInTheWay) {
  Child child([] {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t all = limit.rlim_cur, used = first_free();
    try_with_growing(GetParam(), 1, [&](rlim_t amount) {
      limit.rlim_cur = amount == 0 ? all : used + amount;
      ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    });
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_P(Exhaustion, OfAddressSpaceAtAnyStepLeavesNothingInTheWay) {
  Child child([] {
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    const rlim_t all = limit.rlim_cur;
    constexpr int kKib = 1024, kStepKib = 16;
    try_with_growing(GetParam(), kStepKib, [&](rlim_t amount) {
      limit.rlim_cur = amount == 0 ? all : address_space() + amount * kKib;
      ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    });
  });
  EXPECT_EQ(child.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Exhaustion, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow::test
