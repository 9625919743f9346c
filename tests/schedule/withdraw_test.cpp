// A client takes its request back while a server handles it, or while the topic is full: it is
// settled by one of them, and the publisher who waits for its slot wakes. A client that watches is
// told who has its request.

#include <gtest/gtest.h>

#include "cases.hpp"
#include "group_world.hpp"
#include "towpath/shm/group_watch.hpp"

namespace tow::schedule {
namespace {

using Stage = std::shared_ptr<Workshop>;
using HandlingStage = shm::Handling::Stage;

/// Member 1 takes and acks the only message, and may die, while member 2 withdraws it.
Scenario take_and_withdraw() {
  const auto stage = std::make_shared<Workshop>();
  const auto acked = std::make_shared<bool>(false);
  const auto withdrawn = std::make_shared<bool>(false);
  const auto begin = [=] {
    stage->begin(1);
    stage->exclusive = false;  // a message that is withdrawn is taken from who has it
    *acked = *withdrawn = false;
    stage->join(1);
  };
  const auto server = [=] {
    if (stage->take(1)) *acked = stage->ack(1);
  };
  const auto client = [=] {
    const shm::Group& group = *stage->world.group(2);
    *withdrawn = shm::withdraw(group, 1);
    if (shm::handling_of(group, 1).stage != HandlingStage::settled) fail("it is not settled");
  };
  const auto end = [=] {
    if (*acked && *withdrawn) fail("it is settled twice");
    if (!*acked && !*withdrawn && !stage->maybe_acked(1)) fail("nobody has settled it");
    if (!stage->dead[1]) stage->leave(1);
    stage->join(Workshop::kLast);
    if (stage->take(Workshop::kLast)) fail("what was settled comes again");
    stage->leave(Workshop::kLast);
    if (stage->world.group(Workshop::kLast)->position().low != 2) fail("the low mark is stuck");
  };
  Scenario scenario{begin, {server, client}, [stage](std::size_t) { stage->died(1); }, end};
  return scenario;
}

/// All but the first message are settled, and nobody serves. A publisher waits for the slot of that
/// one, which member 2 withdraws.
Scenario withdraw_and_room() {
  const auto stage = std::make_shared<Workshop>();
  const auto begin = [stage] {
    stage->begin(16);
    stage->join(1, 16);
    while (stage->take(1)) {
    }
    stage->release(1);
    while (stage->has(1)) stage->ack(1);
    stage->leave(1);
  };
  const auto publisher = [stage] {
    const Note note{1, 17};
    while (stage->writer->append(&note, sizeof note) == shm::Append::full) {
      stage->writer->wait_for_room(shm::Append::full, 0, shm::Deadline::never());
    }
  };
  const auto client = [stage] {
    if (!shm::withdraw(*stage->world.group(2), 1)) fail("it cannot be withdrawn");
  };
  const auto end = [stage] {
    if (stage->world.ring(0)->tail() != 17) fail("the publisher found no room");
  };
  return {begin, {publisher, client}, {}, end};
}

/// Member 1 died with the only message begun. Member 0 gets its entry, and the message, whose last
/// attempt it is, while member 2 asks who has it.
Scenario watch_the_heir() {
  auto options = plain_group();
  options.max_attempts = 2;
  const auto stage = std::make_shared<Workshop>(options);
  const auto begin = [stage] {
    stage->begin(1);
    stage->join(1);
    if (!stage->take(1)) fail("there is nothing to take");
    stage->died(1);
    stage->world.layout().next_entry.store(stage->consumer(1).lessee().index, shm::kRelaxed);
  };
  const auto heir = [stage] {
    stage->join(0);
    stage->take(0);
  };
  const auto client = [stage] {
    for (int look = 0; look < 2; ++look) {
      const shm::Handling seen = shm::handling_of(*stage->world.group(2), 1);
      if (seen.stage != HandlingStage::begun || !seen.is_last_try) continue;
      if (seen.holder != stage->world.token(0)) fail("the heir's message is said to be another's");
    }
  };
  const auto end = [stage] {
    while (stage->has(0)) stage->ack(0);
    stage->close_books();
  };
  return {begin, {heir, client}, {}, end};
}

const std::size_t kTaken = add_case({"group, withdraw what is taken",
                                     {.preemptions = 3, .deaths = 1, .mortal = 1},
                                     take_and_withdraw});
const std::size_t kRoom = add_case({"group, withdraw and room", {}, withdraw_and_room});
const std::size_t kWatched = add_case({"group, watch the heir", {}, watch_the_heir});

TEST(WithdrawSchedules, WhatIsWithdrawnWhileItIsTakenIsSettledOnce) { expect_to_hold(kTaken); }

TEST(WithdrawSchedules, NoPublisherSleepsOverTheSlotOfWhatIsWithdrawn) { expect_to_hold(kRoom); }

TEST(WithdrawSchedules, WhoHasTheEntryOfTheDeadIsNotTakenForTheDead) { expect_to_hold(kWatched); }

}  // namespace
}  // namespace tow::schedule
