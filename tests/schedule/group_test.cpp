// Consumers of a group, publishers and repairers: no message is held twice or lost, each is settled
// once in an epoch, and nobody sleeps over one that came back.

#include <gtest/gtest.h>

#include "cases.hpp"
#include "group_world.hpp"
#include "towpath/shm/fields.hpp"

namespace tow::schedule {
namespace {

using Stage = std::shared_ptr<Workshop>;
using Actors = std::vector<std::function<void()>>;

Scenario scenario_of(const Stage& stage, std::function<void()> begin, Actors actors,
                     std::uint64_t first = 1) {
  return {std::move(begin), std::move(actors), [stage](std::size_t who) { stage->died(who); },
          [stage, first] { stage->close_books(first); }};
}

/// Two consumers take and settle what a publisher publishes; each may die.
Scenario share() {
  const auto stage = std::make_shared<Workshop>();
  const auto begin = [stage] {
    stage->begin(2);
    stage->join(1, 2);
    stage->join(2, 2);
  };
  const auto work = [stage](std::size_t member) {
    for (int i = 0; i < 2; ++i) {
      if (stage->take(member)) stage->ack(member);
    }
  };
  return scenario_of(stage, begin,
                     {[stage] { stage->publish(4); }, [work] { work(1); }, [work] { work(2); }});
}

/// The ring is full and all but two messages are settled. Two consumers read and settle those; a
/// publisher then needs their slots.
Scenario make_room() {
  const auto stage = std::make_shared<Workshop>();
  const auto begin = [stage] {
    stage->begin(16);
    stage->join(Workshop::kLast, 16);
    while (stage->take(Workshop::kLast)) {
    }
    for (int i = 0; i < 2; ++i) stage->release(Workshop::kLast);
    while (stage->has(Workshop::kLast)) stage->ack(Workshop::kLast);
    stage->leave(Workshop::kLast);
    stage->join(1);
    stage->join(2);
  };
  const auto publisher = [stage] {
    for (std::uint64_t n = 17; n <= 18; ++n) stage->publish(n);
  };
  const auto work = [stage](std::size_t member) {
    if (stage->take(member)) stage->ack(member);
    stage->take(member);  // raises the low mark, and may find what was published
  };
  Scenario scenario =
      scenario_of(stage, begin, {publisher, [work] { work(1); }, [work] { work(2); }});
  scenario.guards = [stage](const void* word) { return stage->world.is_content(word) ? 6U : 0U; };
  return scenario;
}

/// Member 1 has begun the only message and gives it back in some way; member 2 sleeps until it has
/// settled it. Member 0 repairs if member 1 dies.
Scenario give_back(const std::function<void(Workshop&)>& give, bool mortal,
                   const shm::GroupOptionsLayout& options = plain_group()) {
  const auto stage = std::make_shared<Workshop>(options);
  const auto given = std::make_shared<bool>(false);
  const auto begin = [=] {
    stage->begin(1);
    stage->join(1);
    stage->join(2);
    if (!stage->take(1)) fail("there is nothing to take");
    // Of something that was settled since: the worker sweeps first.
    stage->world.layout().next_due.store(1, shm::kRelaxed);
    *given = false;
  };
  const auto giver = [=] {
    give(*stage);
    *given = true;
  };
  const auto worker = [stage] { stage->work(2, 1, [stage] { return stage->maybe_acked(1); }); };
  const auto repairer = [=] {
    wait_until([=] { return stage->dead[1] || *given; }, "the giver's end");
    if (stage->dead[1]) stage->repair(0);
  };
  Actors actors{giver, worker};
  if (mortal) actors.push_back(repairer);
  Scenario scenario = scenario_of(stage, begin, std::move(actors));
  scenario.died = [stage](std::size_t) { stage->died(1); };
  return scenario;
}

constexpr Bounds kGiverDies{.preemptions = 3, .deaths = 1, .mortal = 1};
const std::size_t kShare = add_case({"group, two share", {.preemptions = 3, .deaths = 1}, share});
const std::size_t kRoom =
    add_case({"group, room", {.preemptions = 3, .deaths = 1, .mortal = 6}, make_room});
const auto kRelease = [](Workshop& shop) { shop.release(1); };
const auto kRetry = [](Workshop& shop) { shop.retry(1, 1); };
const auto kLeave = [](Workshop& shop) {
  shop.nobody_holds();
  shelter([&shop] { shop.leave(1); });
};
const std::size_t kLeft = add_case({"group, leave", {}, [] { return give_back(kLeave, false); }});
const std::size_t kReleased =
    add_case({"group, release", {}, [] { return give_back(kRelease, false); }});
const std::size_t kReleasedDead =
    add_case({"group, release and death", kGiverDies, [] { return give_back(kRelease, true); }});
const std::size_t kRetried =
    add_case({"group, retry later", {}, [] { return give_back(kRetry, false); }});
const std::size_t kRetriedDead =
    add_case({"group, retry and death", kGiverDies, [] { return give_back(kRetry, true); }});

TEST(GroupSchedules, TwoConsumersAndADeathAtAnyStepSettleEachMessageOnce) {
  expect_to_hold(kShare);
}

TEST(GroupSchedules, WhatWasReadAndSettledIsOverwrittenNoEarlier) { expect_to_hold(kRoom); }

TEST(GroupSchedules, NobodySleepsOverAMessageThatIsGivenBack) {
  expect_to_hold(kReleased);
  expect_to_hold(kReleasedDead);
  expect_to_hold(kLeft);
}

TEST(GroupSchedules, NobodySleepsOverAMessageWhoseTimeComes) {
  expect_to_hold(kRetried);
  expect_to_hold(kRetriedDead);
}

/// Member 1 takes and settles while the others go once around the ring: whatever it had looked at
/// before is another message's by then.
Scenario overtake() {
  const auto stage = std::make_shared<Workshop>();
  const auto begin = [stage] {
    stage->begin(2);
    stage->join(1);
    stage->join(2);
  };
  const auto slow = [stage] {
    if (stage->take(1)) stage->ack(1);
  };
  const auto others = [stage] {
    if (stage->take(2)) stage->release(2);  // so that they look at what somebody passed
    for (std::uint64_t n = 3; n <= 19; ++n) {
      if (stage->take(2)) stage->ack(2);
      stage->publish(n);
    }
  };
  return scenario_of(stage, begin, {slow, others});
}

/// Member 0 moves the group back to its first message while two consume.
Scenario seek() {
  const auto stage = std::make_shared<Workshop>();
  const auto begin = [stage] {
    stage->begin(3);
    stage->exclusive = false;
    stage->join(1);
    stage->join(2);
    if (stage->take(1)) stage->ack(1);
  };
  const auto work = [stage](std::size_t member, int count) {
    for (int i = 0; i < count; ++i) {
      if (stage->take(member)) stage->ack(member);
    }
  };
  return scenario_of(stage, begin,
                     {[stage] { stage->world.group(0)->seek(1); }, [work] { work(1, 1); },
                      [work] { work(2, 3); }});
}

/// Two move the group at once, one of whom may die, while somebody consumes.
Scenario seek_twice() {
  const auto stage = std::make_shared<Workshop>();
  const auto begin = [stage] {
    stage->begin(2);
    stage->exclusive = false;
    stage->join(2);
  };
  const auto seek = [stage](std::size_t member) { stage->world.group(member)->seek(1); };
  const auto work = [stage] {
    for (int i = 0; i < 2; ++i) {
      if (stage->take(2)) stage->ack(2);
    }
  };
  return scenario_of(stage, begin, {[seek] { seek(0); }, [seek] { seek(1); }, work});
}

/// The group goes back as far as it can while a publisher overwrites what is oldest.
Scenario seek_back() {
  const auto stage = std::make_shared<Workshop>();
  const auto begin = [stage] {
    stage->begin(16);
    stage->exclusive = false;
    stage->join(1, 16);
    for (int i = 0; i < 16; ++i) {
      if (stage->take(1)) stage->ack(1);
    }
    stage->leave(1);
    stage->publish(21);
  };
  const auto first = std::make_shared<std::uint64_t>(1);
  const auto seeker = [=] { *first = stage->world.group(1)->seek(1); };
  Scenario scenario = scenario_of(stage, begin, {[stage] { stage->publish(33); }, seeker});
  scenario.end = [=] { stage->close_books(*first); };
  return scenario;
}

const std::size_t kOvertake = add_case({"group, overtaken", {.preemptions = 2}, overtake});
const std::size_t kSeek = add_case({"group, seek", {.preemptions = 3}, seek});
const std::size_t kSeekTwice =
    add_case({"group, two seek", {.preemptions = 3, .deaths = 1, .mortal = 3}, seek_twice});
const std::size_t kSeekBack = add_case({"group, seek back", {.deaths = 1, .mortal = 1}, seek_back});

TEST(GroupSchedules, AConsumerThatIsOvertakenByALapRobsNobody) { expect_to_hold(kOvertake); }

TEST(GroupSchedules, ASeekBringsEachMessageOnceMoreWhateverIsUnderWay) {
  expect_to_hold(kSeek);
  expect_to_hold(kSeekTwice);
}

TEST(GroupSchedules, NothingBehindTheMarkIsOverwrittenWhenAGroupSeeksBack) {
  expect_to_hold(kSeekBack);
}

/// The lease is over as soon as somebody looks: of two who have the message one settles it.
Scenario run_out() {
  auto options = plain_group();
  options.lease_ns = 1;
  const auto stage = std::make_shared<Workshop>(options);
  const auto begin = [stage] {
    stage->begin(1);
    stage->exclusive = false;
    stage->join(1);
    stage->join(2);
  };
  const auto slow = [stage] {
    if (stage->take(1)) stage->ack(1);
  };
  const auto worker = [stage] { stage->work(2, 1, [stage] { return stage->maybe_acked(1); }); };
  return scenario_of(stage, begin, {slow, worker});
}

/// Member 1 died with a message begun and another leased. Two others join: one gets the entry that
/// the dead one had, which the other may be repairing.
Scenario inherit() {
  const auto stage = std::make_shared<Workshop>();
  const auto begin = [stage] {
    stage->begin(2);
    stage->join(1, 2);
    if (!stage->take(1)) fail("there is nothing to take");
    stage->died(1);
    stage->world.layout().next_entry.store(stage->consumer(1).lessee().index, shm::kRelaxed);
  };
  const auto heir = [stage](std::size_t member) {
    stage->join(member);
    stage->take(member);
  };
  return scenario_of(stage, begin, {[heir] { heir(0); }, [heir] { heir(2); }});
}

/// The same dead one; member 0 only repairs, as slowly as it likes, while member 2 gets the entry.
Scenario slow_repair(bool third) {
  const auto stage = std::make_shared<Workshop>();
  const auto index = std::make_shared<std::uint32_t>(0);
  const auto begin = [=] {
    stage->begin(2);
    stage->join(1, 2);
    if (!stage->take(1)) fail("there is nothing to take");
    stage->died(1);
    *index = stage->consumer(1).lessee().index;
    stage->world.layout().next_entry.store(*index, shm::kRelaxed);
  };
  const auto repairer = [=](std::size_t member) {
    const auto& group = stage->world.group(member);
    shm::repair_consumer(group->tables(), group->place(), *index,
                         stage->world.participants(member));
  };
  const auto heir = [stage] {
    stage->join(2);
    stage->take(2);
  };
  Actors actors{[repairer] { repairer(0); }, heir};
  if (third) actors.push_back([repairer] { repairer(Workshop::kLast); });
  Scenario scenario = scenario_of(stage, begin, std::move(actors));
  scenario.end = [stage] {
    while (stage->has(2)) stage->ack(2);  // nobody took it
    stage->close_books();
  };
  return scenario;
}

/// Two messages of one key. Member 1 has begun the first; member 2 has joined, and gets half of the
/// keys, this one among them, as soon as member 1 shares.
Scenario hand_over_keys() {
  auto options = plain_group();
  options.mode = static_cast<std::uint32_t>(shm::GroupMode::ordered);
  const auto stage = std::make_shared<Workshop>(options);
  const auto begin = [stage] {
    stage->begin(0);
    stage->join(1, 2);
    stage->take(1);  // all keys are its
    std::string key = "a";
    while (shm::key_hash(key) % shm::kPartitions < shm::kPartitions / 2) ++key[0];
    stage->publish(1, key);
    if (!stage->take(1)) fail("there is nothing to take");
    stage->publish(2, key);
    stage->join(2, 2);
  };
  const auto first = [stage] {
    if (stage->take(1)) {
      if (!stage->acked(1)) fail("message 2 was handed out while message 1 was handled");
    }
    while (stage->has(1)) stage->ack(1);
  };
  const auto second = [stage] {
    const auto over = [stage] { return stage->maybe_acked(2) || stage->has(1); };
    for (int i = 0; i < 3; ++i) {
      if (stage->take(2)) {
        if (!stage->maybe_acked(1)) fail("message 2 was handed out while message 1 was handled");
        stage->ack(2);
        return;
      }
      if (!stage->sleep(2, over)) return;
    }
  };
  return scenario_of(stage, begin, {first, second});
}

const std::size_t kRunOut = add_case({"group, lease over", {}, run_out});
const std::size_t kInherit = add_case({"group, two heirs", {.preemptions = 3}, inherit});
const std::size_t kSlowRepair =
    add_case({"group, slow repair", {.preemptions = 3}, [] { return slow_repair(false); }});
const std::size_t kSlowestRepair =
    add_case({"group, slower repair", {.preemptions = 2}, [] { return slow_repair(true); }});
const std::size_t kKeys = add_case({"group, keys", {.preemptions = 3}, hand_over_keys});

TEST(GroupSchedules, OfTwoWhoHaveAMessageBecauseALeaseRanOutOneSettlesIt) {
  expect_to_hold(kRunOut);
}

TEST(GroupSchedules, WhoGetsTheEntryOfTheDeadKeepsWhatItTakes) {
  expect_to_hold(kInherit);
  expect_to_hold(kSlowRepair);
  expect_to_hold(kSlowestRepair);
}

TEST(GroupSchedules, AKeyThatChangesHandsIsHandledByOneConsumerAtATime) { expect_to_hold(kKeys); }

}  // namespace
}  // namespace tow::schedule
