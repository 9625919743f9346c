// Clocks that differ between processes, and a wall clock that jumps while somebody waits. Nothing
// may depend on either: deadlines are relative to the process's own CLOCK_MONOTONIC, and death is
// proved by a lock.

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "isolation.hpp"
#include "member.hpp"

namespace {

std::atomic<std::int64_t> wall_clock_offset_s{0};

}  // namespace

/// The wall clock of this executable, libraries included, is the kernel's plus an offset that a
/// test may change at any time, as clock_settime would for the whole machine.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += wall_clock_offset_s.load();
  return result;
}

namespace tow::test {
namespace {

using namespace std::chrono_literals;

#ifndef CLONE_NEWTIME
constexpr int kNewTime = 0x80;
#else
constexpr int kNewTime = CLONE_NEWTIME;
#endif
constexpr std::int64_t kYear = 365 * 86400;

/// Everything that waits, dies or is repaired, on a bus whose processes' clocks disagree. In each
/// process that it starts `adjust` runs first; `jump` runs now and then.
void live_together(const std::function<void()>& adjust, const std::function<void()>& jump) {
  const TempBus place;
  const std::string bus = place.name();
  const Shared<Steps> steps;
  auto subscriber = small_topic(bus).subscriber({.spin = 0ns}).value();
  EXPECT_TRUE(subscriber.take(20ms).timed_out());
  Child publisher([&] {
    adjust();
    auto mine = small_topic(bus).publisher().value();
    for (std::uint64_t i = 1; i <= 1000; ++i) {
      mine.publish(i).value();  // it waits for room again and again
      if (i % 100 == 0) jump();
    }
    ++steps->ready;
    sleep_until_killed();
  });
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    ASSERT_EQ(*subscriber.take(), i);
    if (i % 100 == 50) jump();
  }
  ASSERT_TRUE(eventually([&] { return steps->ready == 1; }));
  EXPECT_TRUE(subscriber.take(20ms).timed_out());
  EXPECT_EQ(Bus::open(bus).value().heal().participants, 0U) << "all live, whatever their clocks";
  Child standby([&] {
    adjust();
    auto next = small_topic(bus).publisher({.take_over_within = kWatchdog}).value();
    next.publish(1001).value();
    ++steps->ready;
    sleep_until_killed();
  });
  jump();
  publisher.kill();
  ASSERT_EQ(*subscriber.take(), 1001U);
  standby.kill();
  EXPECT_EQ(Bus::open(bus).value().processes().size(), 2U) << "the dead are repaired";
  auto full = small_topic(bus).publisher({.wait_at_most = 20ms}).value();
  Result<void> result;
  while ((result = full.publish(0))) jump();
  EXPECT_EQ(result.error(), Code::timed_out);
}

TEST(WallClock, MayJumpByYearsBackAndForth) {
  Child child([] {
    live_together([] { wall_clock_offset_s = -kYear; },
                  [] { wall_clock_offset_s = wall_clock_offset_s > 0 ? -kYear : kYear; });
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(WallClock, OfThisTestIsTheOneThatTheLibraryReads) {
  Child child([] {
    wall_clock_offset_s = kYear;
    const TempBus place;
    const Bus bus = place.open();
    const auto joined_s =
        static_cast<std::int64_t>(bus.processes().at(0).joined_ns / 1'000'000'000);
    timespec kernels{};
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &kernels);
    EXPECT_GT(joined_s, kernels.tv_sec + kYear / 2);
  });
  EXPECT_EQ(child.wait(), 0);
}

/// Makes this process's children live in a namespace whose monotonic clocks are off by so much.
void shift_clocks_of_children(std::int64_t seconds) {
  ASSERT_EQ(unshare(kNewTime), 0);
  std::ofstream offsets("/proc/self/timens_offsets");
  offsets << "monotonic " << seconds << " 0\nboottime " << seconds << " 0\n" << std::flush;
  ASSERT_TRUE(offsets.good());
}

class TimeNamespaces : public testing::TestWithParam<std::int64_t> {};

TEST_P(TimeNamespaces, MayBeOffByDays) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "it has a thread of its own, and such a process cannot change its namespace";
#endif
  if (const std::string why = obstacle_to(kNewTime); !why.empty()) GTEST_SKIP() << why;
  // Half of the processes live there: those that live_together() starts.
  Child child([] {
    const int there = [] {
      shift_clocks_of_children(GetParam());
      return open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
    }();
    const int here = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(setns(here, kNewTime), 0);
    live_together([there] { ASSERT_EQ(setns(there, kNewTime), 0); }, [] {});
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_P(TimeNamespaces, DoNotSpoilLatencies) {
  if (const std::string why = obstacle_to(kNewTime); !why.empty()) GTEST_SKIP() << why;
  const TempBus place;
  const auto topic = place.open().topic("notes", {.depth = 1024, .stamps = Stamps::all}).value();
  auto subscriber = topic.subscriber().value();
  auto publisher = topic.publisher().value();
  for (int i = 0; i < 500; ++i) {
    publisher.publish("x").value();
    ASSERT_TRUE(subscriber.take(0s));
  }
  (void)subscriber.try_take();  // finding nothing, it publishes its counters
  const double right_ns = topic.info().subscribers.at(0).p50_ns;
  Child child([&] {
    shift_clocks_of_children(GetParam());
    Child looker([&] {
      const auto seen = looker_at(place.name()).topic_as_bytes("notes").value();
      EXPECT_NEAR(seen.info().subscribers.at(0).p50_ns / right_ns, 1, 0.1);
    });
    EXPECT_EQ(looker.wait(), 0);
  });
  EXPECT_EQ(child.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Offsets, TimeNamespaces, testing::Values(86'400, 100),
                         [](const auto& offset) { return std::to_string(offset.param) + "_s"; });

}  // namespace
}  // namespace tow::test
