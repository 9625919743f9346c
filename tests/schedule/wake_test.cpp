// Want and doorbell: nobody sleeps over a message, or over room. Where the product would futex_wait
// on the bell, an actor waits until the bell differs; if it waits for ever, a wake-up was lost.

#include <gtest/gtest.h>

#include "cases.hpp"
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
  std::unique_ptr<shm::Writer> writer, second;
  std::unique_ptr<shm::Reader> reader;
  std::uint64_t taken = 0;
  bool dead = false, over = false, repaired = false;

  /// `quiet` messages before: in `one` the first look for sleepers switches to ASYM.
  void begin(int quiet) {
    reader.reset();
    writer.reset();
    second.reset();
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
};

/// `mortal`: the publisher may die, and somebody repairs.
std::function<Scenario()> sleep(shm::RingKind kind, Sleep how, int quiet, bool mortal,
                                bool barriers = true) {
  return [=] {
    const auto stage = std::make_shared<Bedroom>(WorldOptions{.kind = kind});
    std::vector<std::function<void()>> actors{[stage] { stage->publish_and_notify(); },
                                              [=] { stage->read(how); }};
    if (mortal) actors.push_back([stage] { stage->repair(); });
    const auto begin = [=] {
      let_register_for_barriers(barriers);
      stage->begin(quiet);
      let_register_for_barriers(true);
    };
    return Scenario{begin, std::move(actors),
                    [stage](std::size_t) { stage->dead = true, stage->world.kill(0); }, [] {}};
  };
}

/// Two publishers with a message each, and a sleeper who waits for both.
Scenario two_wake() {
  const auto stage = std::make_shared<Bedroom>(
      WorldOptions{.kind = shm::RingKind::many, .lanes = 2, .members = 3});
  const auto begin = [stage] {
    stage->begin(0);
    stage->second = stage->world.writer(2);
  };
  const auto one_message = [](shm::Writer& writer) {
    if (publish(writer, {}) != Append::done) fail("no room");
    writer.notify();
  };
  return {begin,
          {[=] { one_message(*stage->writer); }, [stage] { stage->read(Sleep::right); },
           [=] { one_message(*stage->second); }},
          {},
          [] {}};
}

constexpr auto kOne = shm::RingKind::one, kMany = shm::RingKind::many;
constexpr Bounds kMortal{.preemptions = 3, .deaths = 1, .mortal = 1};
const std::size_t kFenced =
    add_case({"wake, one, FENCED", {}, sleep(kOne, Sleep::right, 0, false)});
const std::size_t kAsymmetric =
    add_case({"wake, one, ASYM", {}, sleep(kOne, Sleep::right, 1, false)});
const std::size_t kAlwaysFenced =
    add_case({"wake, one, no membarrier", {}, sleep(kOne, Sleep::right, 0, false, false)});
const std::size_t kWakeMany = add_case({"wake, many", {}, sleep(kMany, Sleep::right, 0, false)});
const std::size_t kDeathOne =
    add_case({"wake after death, one", kMortal, sleep(kOne, Sleep::right, 0, true)});
const std::size_t kDeathMany =
    add_case({"wake after death, many", kMortal, sleep(kMany, Sleep::right, 0, true)});

const std::size_t kTwoWake = add_case({"two wake one", {.preemptions = 3}, two_wake});

TEST(WakeSchedules, NoWakeUpIsLostWhileThePublisherFences) {
  expect_to_hold(kFenced);
  expect_to_hold(kAlwaysFenced);
}

TEST(WakeSchedules, NoWakeUpIsLostWhileThePublisherReliesOnTheSleepersBarrier) {
  Bedroom stage({});
  stage.begin(1);
  ASSERT_EQ(stage.world.order().wake_mode.load(kRelaxed),
            static_cast<std::uint32_t>(shm::WakeMode::asymmetric));
  expect_to_hold(kAsymmetric);
}

TEST(WakeSchedules, NoWakeUpIsLostAmongManyPublishers) {
  expect_to_hold(kWakeMany);
  expect_to_hold(kTwoWake);
}

TEST(WakeSchedules, TheRepairOfAPublisherThatDiedBeforeItRangWakesTheSleeper) {
  expect_to_hold(kDeathOne);
  expect_to_hold(kDeathMany);
}

TEST(WakeSchedules, ASleeperThatDoesNotLookAgainAfterItsWantSleepsOverAMessage) {
  expect_to_fail("no second look", sleep(kOne, Sleep::without_second_look, 0, false), {});
}

TEST(WakeSchedules, ASleeperWithoutTheBarrierSleepsOverAMessage) {
  expect_to_fail("no barrier", sleep(kOne, Sleep::without_barrier, 1, false), {});
}

/// A publisher waits for room in a full ring while the reader takes what makes some.
std::function<Scenario()> wait_for_room(shm::RingKind kind, bool look_again) {
  return [=] {
    const auto stage = std::make_shared<Bedroom>(WorldOptions{.kind = kind});
    const auto begin = [stage] {
      stage->begin(0);
      while (publish(*stage->writer, {}) == Append::done) continue;
    };
    const auto full = [stage] { return publish(*stage->writer, {}) == Append::full; };
    const auto waits = [=] {
      while (full()) stage->writer->wait_for_room(Append::full, 0, shm::Deadline::never());
    };
    const auto does_not_look_again = [=] {
      while (full()) {
        auto& bell = stage->world.board().room_bell;
        const std::uint32_t seen = Doorbell::announce(bell, stage->world.order().room_want);
        shm::fence(kSeqCst);
        wait_until([&bell, seen] { return bell.load(kAcquire) != seen; }, "room");
      }
    };
    const auto take_five = [stage] {
      for (int i = 0; i < 5; ++i) take(*stage->reader);
    };
    const std::function<void()> publisher =
        look_again ? std::function<void()>(waits) : std::function<void()>(does_not_look_again);
    return Scenario{begin, {publisher, take_five}, {}, [] {}};
  };
}

const std::size_t kRoomOne = add_case({"room, one", {}, wait_for_room(kOne, true)});
const std::size_t kRoomMany = add_case({"room, many", {}, wait_for_room(kMany, true)});

TEST(WakeSchedules, NoPublisherSleepsOverRoom) {
  expect_to_hold(kRoomOne);
  expect_to_hold(kRoomMany);
}

TEST(WakeSchedules, APublisherThatDoesNotLookAgainSleepsOverRoom) {
  expect_to_fail("no second look for room", wait_for_room(kOne, false), {});
}

}  // namespace
}  // namespace tow::schedule
