// Two adopters, two repairers: what is the dead's is given away once, and nobody who lives loses
// it.

#include "towpath/shm/repair.hpp"

#include <gtest/gtest.h>

#include <array>

#include "cases.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::kAcquire;
using shm::kRelease;
using shm::Liveness;

/// A publisher has died; members 1 and 2 want its lane.
class Orphan {
 public:
  World world{{.members = 4}};
  std::array<std::unique_ptr<shm::Writer>, 4> writers;
  std::unique_ptr<shm::Reader> reader;
  std::array<bool, 4> owns{};

  void begin() {
    for (auto& writer : writers) writer.reset();
    reader.reset();
    world.reset();
    owns = {};
    const auto dead = world.writer(0);
    publish(*dead, {1, 1});
    // As if it had not left: its destructor gives the lane back, so it is taken from it again.
    const std::uint64_t token = world.token(0).bits();
    writers[0].reset();
    orphan_ = token;
  }
  void lose_publisher() {
    world.lane_header(0).owner.store(orphan_, kRelease);
    world.kill(0);
  }
  void adopt(std::size_t member) {
    auto writer = shm::Writer::attach(world.ring(member));
    if (!writer) return;
    writers[member] = std::move(*writer);
    owns[member] = true;
    if (publish(*writers[member], {member, 1}) != shm::Append::done) fail("no room");
  }
  void heal(std::size_t member) {
    shm::Participants& participants = world.participants(member);
    if (!participants.begin_repair(world.token(0))) return;
    shm::repair_topic(world.directory(), participants);
    participants.end_repair(world.token(0));
  }
  std::uint64_t owner() const { return world.lane_header(0).owner.load(kAcquire); }

 private:
  std::uint64_t orphan_ = 0;
};

using Stage = std::shared_ptr<Orphan>;

/// Members 1 and 2 want the lane of the dead, each as `adopt` does it.
Scenario two_want(const Stage& stage, std::function<void(std::size_t)> adopt) {
  const auto check = [stage] {
    if (stage->owns[1] == stage->owns[2]) fail("not exactly one adopter");
  };
  return {[stage] { stage->begin(), stage->lose_publisher(); },
          {[adopt] { adopt(1); }, [adopt] { adopt(2); }},
          {},
          check};
}

/// Two heal while a third adopts; one of the repairers may die too.
Scenario heal_twice(const Stage& stage, std::function<void(std::size_t)> heal) {
  const auto check = [stage] {
    stage->heal(3);  // finishes what a dead repairer has begun
    if (stage->owns[3] && stage->owner() != stage->world.token(3).bits()) {
      fail("the lane was taken from its living owner");
    }
    if (!stage->owns[3]) fail("the lane could not be adopted");
    if (stage->world.participants(3).info(stage->world.token(0))) fail("the dead keeps its entry");
  };
  return {[stage] { stage->begin(), stage->lose_publisher(); },
          {[heal] { heal(1); }, [heal] { heal(2); }, [stage] { stage->adopt(3); }},
          [stage](std::size_t who) { stage->world.kill(who + 1); },
          check};
}

const std::size_t kTwoAdopters =
    add_case({"two adopters", {}, [] {
                const auto stage = std::make_shared<Orphan>();
                Scenario scenario =
                    two_want(stage, [stage](std::size_t member) { stage->adopt(member); });
                scenario.end = [stage, check = scenario.end] {
                  check();
                  const std::size_t winner = stage->owns[1] ? 1 : 2;
                  if (stage->owner() != stage->world.token(winner).bits())
                    fail("the lane is somebody else's");
                  if (stage->world.ring(3)->tail() != 2)
                    fail("the adopter's message is not the second");
                };
                return scenario;
              }});

const std::size_t kTwoRepairers =
    add_case({"two repairers", {.preemptions = 3, .deaths = 1, .mortal = 3}, [] {
                const auto stage = std::make_shared<Orphan>();
                return heal_twice(stage, [stage](std::size_t member) { stage->heal(member); });
              }});

TEST(RepairSchedules, OfTwoAdoptersExactlyOneGetsTheLane) { expect_to_hold(kTwoAdopters); }

TEST(RepairSchedules, AdoptersThatLookAndThenStoreBothGetTheLane) {
  const auto make = [] {
    const auto stage = std::make_shared<Orphan>();
    return two_want(stage, [stage](std::size_t member) {
      auto& owner = stage->world.lane_header(0).owner;
      const shm::Token seen(owner.load(kAcquire));
      if (stage->world.participants(member).liveness(seen) != Liveness::dead) return;
      owner.store(stage->world.token(member).bits(), kRelease);
      stage->owns[member] = true;
    });
  };
  expect_to_fail("look, then store", make, {});
}

TEST(RepairSchedules, TwoRepairersAndAnAdopterDoNotDisturbEachOther) {
  expect_to_hold(kTwoRepairers);
}

TEST(RepairSchedules, ARepairerThatStoresInsteadOfExchangingRobsTheLiving) {
  const auto make = [] {
    const auto stage = std::make_shared<Orphan>();
    return heal_twice(stage, [stage](std::size_t member) {
      auto& owner = stage->world.lane_header(0).owner;
      const shm::Token seen(owner.load(kAcquire));
      if (stage->world.participants(member).liveness(seen) == Liveness::dead) {
        owner.store(0, kRelease);
      }
    });
  };
  expect_to_fail("store instead of exchange", make, {.preemptions = 2});
}

}  // namespace
}  // namespace tow::schedule
