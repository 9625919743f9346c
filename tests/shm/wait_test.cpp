#include "towpath/shm/wait.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/support/process.hpp"

namespace tow::shm {
namespace {

using test::Child;
using test::Shared;
using namespace std::chrono_literals;

using Words = std::array<std::atomic<std::uint32_t>, kMaxWaitWords>;

TEST(Deadline, KnowsItsExtremes) {
  EXPECT_TRUE(Deadline::now().passed());
  EXPECT_TRUE(Deadline::after(-5s).is_now());
  EXPECT_TRUE(Deadline::after(0s).is_now());
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_EQ(Deadline::after(std::chrono::nanoseconds::max()).at_ns(), Deadline::never().at_ns());
  EXPECT_FALSE(Deadline::after(1h).passed());
  EXPECT_LT(Deadline::never().within(1).at_ns(), Deadline::never().at_ns());
  EXPECT_TRUE(Deadline::now().within(1'000'000'000).is_now());
}

TEST(FutexWait, EndsAtItsDeadline) {
  const Shared<std::atomic<std::uint32_t>> word;
  EXPECT_EQ(futex_wait(*word, 0, Deadline::now()), Wake::timed_out);
  const auto deadline = Deadline::after(2ms);
  while (futex_wait(*word, 0, deadline) == Wake::changed) {
  }
  EXPECT_TRUE(deadline.passed()) << "it must not say so earlier";
}

TEST(FutexWait, DoesNotSleepOnAWordThatHasChanged) {
  const Shared<std::atomic<std::uint32_t>> word;
  *word = 1;
  EXPECT_EQ(futex_wait(*word, 0, Deadline::never()), Wake::changed);
}

TEST(FutexWait, SleeperOfAnotherProcessIsWoken) {
  const Shared<std::atomic<std::uint32_t>> word;
  Child child([&] {
    while (word->load() == 0) futex_wait(*word, 0, Deadline::never());
  });
  ASSERT_TRUE(test::eventually([&] { return child.asleep(); }));
  *word = 1;
  EXPECT_EQ(futex_wake_all(*word), 1);
  EXPECT_EQ(child.wait(), 0);
}

class FutexWaitAny : public testing::TestWithParam<std::size_t> {};

TEST_P(FutexWaitAny, SleeperWakesByAnyOfItsWords) {
  const Shared<Words> words;
  Child child([&] {
    std::vector<WaitWord> waits;
    for (auto& word : *words) waits.push_back({&word, 0});
    while ((*words)[GetParam()].load() == 0) futex_wait_any(waits, Deadline::never());
  });
  ASSERT_TRUE(test::eventually([&] { return child.asleep(); }));
  (*words)[GetParam()] = 1;
  futex_wake_all((*words)[GetParam()]);
  EXPECT_EQ(child.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Positions, FutexWaitAny,
                         testing::Values(0, 1, kMaxWaitWords / 2, kMaxWaitWords - 1));

TEST(FutexWaitAnyOf, EndsAtItsDeadlineOrAtOnce) {
  const Shared<Words> words;
  const std::array<WaitWord, 2> same{WaitWord{&(*words)[0], 0}, WaitWord{&(*words)[1], 0}};
  EXPECT_EQ(futex_wait_any(same, Deadline::now()), Wake::timed_out);
  EXPECT_EQ(futex_wait_any(same, Deadline::after(2ms)), Wake::timed_out);
  (*words)[1] = 7;
  EXPECT_EQ(futex_wait_any(same, Deadline::never()), Wake::changed);
}

TEST(Doorbell, IsWantedFromTheAnnouncementUntilItRings) {
  Atomic<std::uint32_t> bell{1}, want{0};
  EXPECT_FALSE(Doorbell::wanted(bell, want));
  EXPECT_EQ(Doorbell::announce(bell, want), 1U);
  EXPECT_TRUE(Doorbell::wanted(bell, want));
  EXPECT_EQ(Doorbell::announce(bell, want), 1U) << "a second sleeper changes nothing";
  Doorbell::ring(bell);
  EXPECT_FALSE(Doorbell::wanted(bell, want));
  EXPECT_EQ(Doorbell::announce(bell, want), 2U);
  EXPECT_TRUE(Doorbell::wanted(bell, want));
}

TEST(Doorbell, WorksWhenItsCountersGoRound) {
  Atomic<std::uint32_t> bell{UINT32_MAX}, want{UINT32_MAX - 1};
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(Doorbell::wanted(bell, want));
    const std::uint32_t seen = Doorbell::announce(bell, want);
    EXPECT_TRUE(Doorbell::wanted(bell, want));
    Doorbell::ring(bell);
    EXPECT_EQ(bell.load(kRelaxed), seen + 1);
  }
}

TEST(Doorbell, RaisingNeverLowers) {
  Atomic<std::uint64_t> word{10};
  EXPECT_EQ(raise_to(word, std::uint64_t{5}, kSeqCst), 10U);
  EXPECT_EQ(word.load(kRelaxed), 10U);
  EXPECT_EQ(raise_to(word, std::uint64_t{15}, kSeqCst), 15U);
  EXPECT_EQ(word.load(kRelaxed), 15U);
}

struct Handshake {
  std::atomic<std::uint32_t> bell{1}, want{0};
  std::atomic<std::uint64_t> sent{0}, seen{0};
};

/// The sleeper waits without a deadline: a single lost wake-up would hang it.
TEST(Doorbell, NoWakeUpIsLostBetweenTwoProcesses) {
  constexpr std::uint64_t kMessages = 20'000;
  const Shared<Handshake> shared;
  Child sleeper([&] {
    while (shared->seen < kMessages) {
      const std::uint32_t bell = Doorbell::announce(shared->bell, shared->want);
      fence(kSeqCst);
      if (shared->sent == shared->seen) futex_wait(shared->bell, bell, Deadline::never());
      shared->seen = shared->sent.load();
    }
  });
  for (std::uint64_t message = 1; message <= kMessages; ++message) {
    shared->sent = message;
    fence(kSeqCst);
    if (Doorbell::wanted(shared->bell, shared->want)) Doorbell::ring(shared->bell);
  }
  EXPECT_EQ(sleeper.wait(), 0);
}

TEST(Barriers, AreToBeHadOnThisKernel) {
  ASSERT_TRUE(register_for_barriers());
  EXPECT_TRUE(register_for_barriers());
  EXPECT_TRUE(barrier_everywhere());
}

}  // namespace
}  // namespace tow::shm
