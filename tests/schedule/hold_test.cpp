// Holds and the reuse of payload memory: what a reader keeps in place is not handed out again.

#include <gtest/gtest.h>

#include "cases.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::Append;
using shm::kAcquire;
using shm::kRelaxed;
using shm::kRelease;
using shm::kSeqCst;

constexpr WorldOptions kTiny{.pool_bytes = 256};  // four payloads of 64 bytes

constexpr std::size_t kWords = 2;  // of a payload's eight are written and read

std::uint64_t* words_at(const std::byte* payload) {
  return reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(payload));
}

/// Payload memory is plain: all accesses of it must be ordered.
Append publish_words(shm::Writer& writer, std::uint64_t value) {
  constexpr std::uint32_t kBytes = 64;  // too large for a slot
  const auto block = writer.loan(kBytes);
  if (!block) return Append::pool_full;
  for (std::size_t i = 0; i < kWords; ++i) plain_store(words_at(writer.data(*block))[i], value);
  const Append result = writer.append_loan(*block, kBytes);
  if (result != Append::done) writer.return_loan(*block);
  return result;
}

/// Looks at the payload again and again while others run.
void watch(const std::byte* payload, std::uint64_t sequence) {
  for (std::size_t i = 0; i < kWords; ++i) {
    if (plain_load(words_at(payload)[i]) != sequence) {
      fail("the payload of message " + std::to_string(sequence) + " changed while it was held");
    }
  }
}

struct Library {
  World world{kTiny};
  std::unique_ptr<shm::Writer> writer, successor;
  std::unique_ptr<shm::Reader> reader;
  bool dead = false, over = false;

  void begin() {
    reader.reset();
    writer.reset();
    successor.reset();
    world.reset();
    dead = over = false;
    writer = world.writer(0);
    for (std::uint64_t n = 1; n <= 3; ++n) publish_words(*writer, n);
  }
  void publish_more(std::uint64_t last) {
    for (std::uint64_t n = 4; n <= last; ++n) {
      if (publish_words(*writer, n) != Append::done) break;  // what is held is not to be had
    }
    over = true;
  }
  void succeed() {
    wait_until([this] { return dead || over; }, "the publisher's end");
    if (!dead) return;
    successor = world.writer(2);
    for (int i = 0; i < 2; ++i) {
      if (publish_words(*successor, successor->last_sequence() + 1) != Append::done) break;
    }
  }
  void read_in_place(int count) {
    alignas(16) std::byte buffer[shm::kMaxInlineBytes];
    for (int i = 0; i < count; ++i) {
      shm::Received received;
      const shm::Take take = reader->try_take(received, buffer);
      if (take == shm::Take::damaged) fail("a message is damaged, or lost without a word");
      if (take != shm::Take::message) return;
      if (received.hold == shm::Received::kNoHold) fail("the payload was copied");
      watch(received.data, received.sequence);
      reader->release(received.hold);
    }
  }
};

/// A reader holds payloads while a small pool goes round; with `adopted` the publisher may die, and
/// a successor goes on.
std::function<Scenario()> hold_while_publishing(shm::ReaderKind kind, std::uint64_t max_lag,
                                                bool adopted) {
  return [=] {
    const auto stage = std::make_shared<Library>();
    const auto begin = [=] {
      stage->begin();
      const shm::StartAt oldest{shm::StartAt::Kind::oldest};
      stage->reader = stage->world.reader(
          1, {.kind = kind, .start = oldest, .max_lag = max_lag, .max_holds = 2});
    };
    std::vector<std::function<void()>> actors{[=] { stage->publish_more(adopted ? 5 : 6); },
                                              [=] { stage->read_in_place(adopted ? 1 : 2); }};
    if (adopted) actors.push_back([stage] { stage->succeed(); });
    return Scenario{begin, std::move(actors),
                    [stage](std::size_t who) { stage->dead = who == 0, stage->world.kill(who); },
                    [] {}};
  };
}

/// A required reader joins while the pool is used again.
Scenario join_while_reusing() {
  const auto stage = std::make_shared<Library>();
  const auto joins = [stage] {
    stage->reader = stage->world.reader(1, {.start = {shm::StartAt::Kind::oldest}});
    stage->read_in_place(2);
  };
  return {[stage] { stage->begin(); },
          {[stage] { stage->publish_more(6); }, joins},
          [stage](std::size_t who) { stage->world.kill(who); },
          [] {}};
}

constexpr auto kLossy = shm::ReaderKind::lossy, kRequired = shm::ReaderKind::required;
constexpr Bounds kKills{.deaths = 1};
constexpr Bounds kAdopted{.preemptions = 3, .deaths = 1, .mortal = 1};
const std::size_t kHoldLossy =
    add_case({"hold, lossy", kKills, hold_while_publishing(kLossy, 0, false)});
const std::size_t kHoldRequired =
    add_case({"hold, required", kKills, hold_while_publishing(kRequired, 0, false)});
const std::size_t kHoldEvictable =
    add_case({"hold, evictable", kKills, hold_while_publishing(kRequired, 1, false)});
const std::size_t kHoldAdopted =
    add_case({"hold, lossy, adoption", kAdopted, hold_while_publishing(kLossy, 0, true)});

const std::size_t kJoinReuse = add_case({"join, pool", kKills, join_while_reusing});

TEST(HoldSchedules, WhatALossyReaderHoldsIsNotHandedOutAgain) { expect_to_hold(kHoldLossy); }

TEST(HoldSchedules, WhatARequiredReaderHoldsIsNotHandedOutAgain) { expect_to_hold(kHoldRequired); }

TEST(HoldSchedules, WhatAnEvictableReaderHoldsIsNotHandedOutAgain) {
  expect_to_hold(kHoldEvictable);
}

TEST(HoldSchedules, WhatIsHeldIsNotHandedOutByASuccessorEither) { expect_to_hold(kHoldAdopted); }

TEST(HoldSchedules, WhoJoinsWhileAPoolIsReusedFindsItsFirstMessages) { expect_to_hold(kJoinReuse); }

/// A lossy reader in plain loads and stores that takes message 1.
enum class Protect : std::uint8_t { without_recheck, without_fence };

std::function<Scenario()> plain_hold(Protect how) {
  return [how] {
    const auto stage = std::make_shared<Library>();
    const auto begin = [stage] {
      stage->begin();
      shm::ReaderLayout& page = stage->world.page(0);
      page.owner.store(stage->world.token(1).bits(), kRelease);
      page.kind.store(static_cast<std::uint32_t>(shm::ReaderKind::lossy), kRelaxed);
      page.claim.store(1, kRelease);
      page.live.store(1, kRelease);
      stage->world.board().present[0].store(1, kRelease);
    };
    const auto read = [=] {
      shm::SlotLayout& slot = stage->world.slot(0, 1);
      auto& hold = stage->world.page(0).holds[0];
      if (slot.sequence.load(kAcquire) != 1) return;
      const std::uint64_t offset = shm::LaneView::payload(&slot)[0].load(kRelaxed);
      const std::uint64_t bytes = shm::LaneView::payload(&slot)[1].load(kRelaxed);
      if (slot.sequence.load(kRelaxed) != 1) return;
      hold.store(shm::Hold{0, offset, bytes}.pack(), kRelaxed);
      if (how != Protect::without_fence) shm::fence(kSeqCst);
      if (how != Protect::without_recheck && slot.sequence.load(kRelaxed) != 1) return;
      watch(stage->world.pool(0) + offset, 1);
      hold.store(0, kRelease);
    };
    return Scenario{begin, {[stage] { stage->publish_more(7); }, read}, {}, [] {}};
  };
}

TEST(HoldSchedules, ALossyHoldWithoutTheRecheckReadsReusedMemory) {
  expect_to_fail("no re-check", plain_hold(Protect::without_recheck), {});
}

TEST(HoldSchedules, ALossyHoldWithoutTheFenceReadsReusedMemory) {
  expect_to_fail("no fence", plain_hold(Protect::without_fence), {});
}

}  // namespace
}  // namespace tow::schedule
