// Real processes, killed and stopped at random while the ring is full. See chaos.hpp for who does
// what. TOWPATH_SOAK_SEED repeats a run's choices (not its timing); TOWPATH_SOAK_SCALE
// multiplies the number of kills.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#include "chaos.hpp"
#include "tests/support/temp_bus.hpp"

namespace tow::soak {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kUsualScale = 0.1;
#else
constexpr double kUsualScale = 1;
#endif
constexpr int kKills = 260;  // eight tests: over 2,000 together

double scale() {
  const char* const text = std::getenv("TOWPATH_SOAK_SCALE");
  return text != nullptr ? std::atof(text) : kUsualScale;
}

std::uint64_t seed() {
  const char* const text = std::getenv("TOWPATH_SOAK_SEED");
  if (text != nullptr) return std::strtoull(text, nullptr, 0);
  return std::random_device{}();
}

/// Messages that a publisher knows to be out and the observer did not see; and messages that the
/// observer saw though nobody had begun to publish them.
struct Books {
  std::uint64_t lost = 0, invented = 0, unrecorded = 0;
};

Books close_books(const SharedLog& log) {
  Books books;
  for (const Incarnation& life : log.incarnations) {
    const std::uint64_t seen = life.seen.load(), published = life.published.load();
    if (published > seen) books.lost += published - seen;
    if (seen > life.attempted.load()) books.invented += seen - life.attempted.load();
    if (seen > published) books.unrecorded += seen - published;
  }
  return books;
}

void print(const Plan& plan, const SharedLog& log, const Outcome& outcome, const Books& books) {
  std::printf(
      "%s: seed %llu, %d kills and %d stops in %.1f s (%.0f kills/s), %llu messages, %llu taken "
      "by the killed, %llu held, %llu joins, %llu evictions, %llu out but unrecorded, %u lives of "
      "publishers; longest pause of a survivor %.1f ms (%s)\n",
      plan.name.c_str(), static_cast<unsigned long long>(plan.seed), outcome.kills, outcome.stops,
      outcome.seconds, outcome.kills / outcome.seconds,
      static_cast<unsigned long long>(log.observed.load()),
      static_cast<unsigned long long>(log.taken.load() - log.observed.load()),
      static_cast<unsigned long long>(log.held.load()),
      static_cast<unsigned long long>(log.joins.load()),
      static_cast<unsigned long long>(log.evictions.load()),
      static_cast<unsigned long long>(books.unrecorded), log.next_incarnation.load(),
      static_cast<double>(log.longest_pause_ns.load()) / 1e6,
      to_text(static_cast<Role>(log.longest_pause_role.load())));
  std::fflush(stdout);
}

void survive(Plan plan) {
  const test::TempDir directory;
  plan.name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  plan.bus = directory.path() + "/bus";
  plan.seed = seed();
  plan.kills = std::max(5, static_cast<int>(kKills * scale()));
  SharedLog* const log = SharedLog::map();
  ASSERT_NE(log, nullptr);
  Outcome outcome;
  {
    Chaos chaos(plan, *log);
    outcome = chaos.run();
  }
  const Books books = close_books(*log);
  print(plan, *log, outcome, books);
  EXPECT_EQ(log->faults.load(), 0U) << log->fault_list();
  EXPECT_EQ(log->gaps.load(), 0U);
  EXPECT_EQ(log->duplicates.load(), 0U);
  EXPECT_EQ(log->damaged.load(), 0U);
  EXPECT_EQ(books.lost, 0U);
  EXPECT_EQ(books.invented, 0U);
  EXPECT_GT(log->observed.load(), 0U);
  const Leaks& leaks = log->leaks;
  EXPECT_EQ(leaks.done, 1U);
  EXPECT_EQ(leaks.participants, 0U);
  EXPECT_EQ(leaks.locks, 0U);
  EXPECT_EQ(leaks.lanes, 0U);
  EXPECT_EQ(leaks.readers, 0U);
  EXPECT_EQ(leaks.holds, 0U);
  EXPECT_EQ(leaks.files, 0U);
  EXPECT_EQ(leaks.last_sequence, log->observed.load());
  EXPECT_EQ(leaks.pools, 0U);
  EXPECT_GT(leaks.lane_count, 0U);
  munmap(log, sizeof *log);
}

TEST(RandomKills, LoseNothingOfOnePublisherWithOneSubscriber) {
  survive({.one = true, .publishers = 1, .subscribers = 1, .depth = 16});
}
TEST(RandomKills, LoseNothingOfOnePublisherWithSixteenSubscribers) {
  survive({.one = true, .publishers = 1, .subscribers = 16, .depth = 48});
}
TEST(RandomKills, LoseNothingOfOnePublisherWithAHotStandby) {
  survive({.one = true, .publishers = 2, .subscribers = 2, .depth = 24});
}
TEST(RandomKills, LoseNothingOfALonePublisherAmongManyWithOneSubscriber) {
  survive({.publishers = 1, .subscribers = 1, .depth = 16});
}
TEST(RandomKills, LoseNothingOfALonePublisherAmongManyWithSixteenSubscribers) {
  survive({.publishers = 1, .subscribers = 16, .depth = 48});
}
TEST(RandomKills, LoseNothingOfTwoPublishersWithOneSubscriber) {
  survive({.publishers = 2, .subscribers = 1, .depth = 16});
}
TEST(RandomKills, LoseNothingOfTwoPublishersWithSixteenSubscribers) {
  survive({.publishers = 2, .subscribers = 16, .depth = 48});
}
TEST(RandomKills, LoseNothingOfTwoPublishersWhoseLanesAreShallowerThanTheTopic) {
  survive({.publishers = 2, .subscribers = 2, .depth = 64, .lane_depth = 16});
}

}  // namespace
}  // namespace tow::soak
