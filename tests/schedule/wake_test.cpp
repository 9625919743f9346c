// Want and doorbell: nobody sleeps over a message, or over room. Where the product would futex_wait
// on the bell, an actor waits until the bell differs; if it waits for ever, a wake-up was lost.

#include <gtest/gtest.h>

#include "explorer.hpp"
#include "towpath/shm/repair.hpp"
#include "towpath/shm/wait.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::Append;
using shm::Doorbell;
using shm::kAcquire;
using shm::kRelaxed;
using shm::kSeqCst;

constexpr std::uint64_t kMessages = 2;

/// How a sleeper prepares its sleep.
enum class Sleep : std::uint8_t { right, without_second_look, without_barrier };

class Bedroom {
 public:
  explicit Bedroom(const WorldOptions& options) : world(options) {}

  World world;
  std::unique_ptr<shm::Writer> writer;
  std::unique_ptr<shm::Reader> reader;
  std::uint64_t taken = 0;
  bool dead = false, over = false, repaired = false;

  /// `quiet` messages before: in `one` the first look for sleepers switches to ASYM.
  void begin(int quiet) {
    reader.reset();
    writer.reset();
    world.reset();
    writer = world.writer(0);
    reader = world.reader(1);
    for (int i = 0; i < quiet; ++i) {
      publish(*writer, {});
      writer->notify();
      take(*reader);
    }
    taken = 0;
    dead = over = repaired = false;
  }
  void publish_and_notify() {
    for (std::uint64_t n = 1; n <= kMessages; ++n) {
      if (publish(*writer, {1, n}) != Append::done) fail("no room");
      writer->notify();
    }
    over = true;
  }
  void read(Sleep how) {
    while (taken < kMessages) {
      if (take(*reader).take == shm::Take::message) {
        ++taken;
        continue;
      }
      const std::uint32_t seen = announce(how);
      if (how != Sleep::without_second_look && reader->ready()) continue;
      const auto rung = [this, seen] { return world.order().doorbell.load(kAcquire) != seen; };
      const auto nothing_comes = [this] { return dead && repaired && !reader->ready(); };
      wait_until([=] { return rung() || nothing_comes(); }, "the bell");
      if (!rung()) return;
    }
  }
  std::uint32_t announce(Sleep how) {
    if (how != Sleep::without_barrier) return reader->arm().seen;
    const std::uint32_t seen = Doorbell::announce(world.order().doorbell, world.board().want);
    shm::fence(kSeqCst);
    return seen;
  }
  void repair() {
    wait_until([this] { return dead || over; }, "the publisher's end");
    if (dead) shm::repair_topic(world.directory(), world.participants(2));
    repaired = true;
  }
  Report explore_sleep(const char* name, Sleep how, int quiet, const Bounds& bounds) {
    return explore(
        name,
        {[=, this] { begin(quiet); },
         {[this] { publish_and_notify(); }, [=, this] { read(how); }, [this] { repair(); }},
         [this](std::size_t) { dead = true, world.kill(0); },
         [] {}},
        bounds);
  }
};

constexpr Bounds kLiving{.preemptions = 3, .kept_back = 2, .seconds = 4};
constexpr Bounds kMortal{.preemptions = 2, .deaths = 1, .mortal = 1, .kept_back = 1, .seconds = 4};

TEST(WakeSchedules, NoWakeUpIsLostWhileThePublisherFences) {
  Bedroom stage({});
  const auto report = stage.explore_sleep("wake, one, FENCED", Sleep::right, 0, kLiving);
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.schedules, 100U);
}

TEST(WakeSchedules, NoWakeUpIsLostWhileThePublisherReliesOnTheSleepersBarrier) {
  Bedroom stage({});
  stage.begin(1);
  ASSERT_EQ(stage.world.order().wake_mode.load(kRelaxed),
            static_cast<std::uint32_t>(shm::WakeMode::asymmetric));
  const auto report = stage.explore_sleep("wake, one, ASYM", Sleep::right, 1, kLiving);
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.schedules, 100U);
}

TEST(WakeSchedules, NoWakeUpIsLostAmongManyPublishers) {
  Bedroom stage({.kind = shm::RingKind::many});
  const auto report = stage.explore_sleep("wake, many", Sleep::right, 0, kLiving);
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.schedules, 100U);
}

TEST(WakeSchedules, TheRepairOfAPublisherThatDiedBeforeItRangWakesTheSleeper) {
  for (const auto kind : {shm::RingKind::one, shm::RingKind::many}) {
    Bedroom stage({.kind = kind});
    const auto report = stage.explore_sleep("wake after death", Sleep::right, 0, kMortal);
    EXPECT_EQ(report.failure, "");
    EXPECT_GT(report.deaths, 100U);
  }
}

TEST(WakeSchedules, ASleeperThatDoesNotLookAgainAfterItsWantSleepsOverAMessage) {
  Bedroom stage({});
  EXPECT_NE(
      stage.explore_sleep("wrong: no second look", Sleep::without_second_look, 0, kLiving).failure,
      "");
}

TEST(WakeSchedules, ASleeperWithoutTheBarrierSleepsOverAMessage) {
  Bedroom stage({});
  EXPECT_NE(stage.explore_sleep("wrong: no barrier", Sleep::without_barrier, 1, kLiving).failure,
            "");
}

/// A publisher waits for room in a full ring while the reader takes what makes some.
Report wait_for_room(const char* name, shm::RingKind kind, bool look_again) {
  World world({.kind = kind});
  std::unique_ptr<shm::Writer> writer;
  std::unique_ptr<shm::Reader> reader;
  const auto begin = [&] {
    reader.reset();
    writer.reset();
    world.reset();
    writer = world.writer(0);
    reader = world.reader(1);
    while (publish(*writer, {}) == Append::done) continue;
  };
  const auto publisher = [&] {
    const auto full = [&] { return publish(*writer, {}) == Append::full; };
    while (full()) {
      auto& bell = world.board().room_bell;
      const std::uint32_t seen = Doorbell::announce(bell, world.order().room_want);
      shm::fence(kSeqCst);
      if (look_again && !full()) return;
      wait_until([&bell, seen] { return bell.load(kAcquire) != seen; }, "room");
    }
  };
  const auto take_five = [&] {
    for (int i = 0; i < 5; ++i) take(*reader);
  };
  return explore(name, {begin, {publisher, take_five}, {}, [] {}},
                 {.preemptions = 3, .kept_back = 1, .seconds = 4});
}

TEST(WakeSchedules, NoPublisherSleepsOverRoom) {
  EXPECT_EQ(wait_for_room("room, one", shm::RingKind::one, true).failure, "");
  EXPECT_EQ(wait_for_room("room, many", shm::RingKind::many, true).failure, "");
}

TEST(WakeSchedules, APublisherThatDoesNotLookAgainSleepsOverRoom) {
  EXPECT_NE(wait_for_room("wrong: no second look for room", shm::RingKind::one, false).failure, "");
}

}  // namespace
}  // namespace tow::schedule
