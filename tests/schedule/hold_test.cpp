// Holds and the reuse of payload memory: what a reader keeps in place is not handed out again.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "explorer.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::Append;
using shm::kAcquire;
using shm::kRelaxed;
using shm::kRelease;
using shm::kSeqCst;

constexpr WorldOptions kTiny{.pool_bytes = 256};  // four payloads of 64 bytes

using Words = std::array<std::uint64_t, 8>;  // too large for a slot: goes into the pool

Append publish_words(shm::Writer& writer, std::uint64_t value) {
  Words words;
  words.fill(value);
  return writer.append(words.data(), sizeof words, {});
}

/// Looks at the payload again and again while others run.
void watch(const std::byte* payload, std::uint64_t sequence) {
  for (int look = 0; look < 3; ++look) {
    Words words;
    std::memcpy(words.data(), payload, sizeof words);
    const auto same = [&](std::uint64_t word) { return word == sequence; };
    if (!std::all_of(words.begin(), words.end(), same)) {
      fail("the payload of message " + std::to_string(sequence) + " changed while it was held");
    }
    breathe();
  }
}

struct Library {
  World world{kTiny};
  std::unique_ptr<shm::Writer> writer;
  std::unique_ptr<shm::Reader> reader;

  void begin() {
    reader.reset();
    writer.reset();
    world.reset();
    writer = world.writer(0);
    for (std::uint64_t n = 1; n <= 3; ++n) publish_words(*writer, n);
  }
  void publish_more() {
    for (std::uint64_t n = 4; n <= 7; ++n) {
      if (publish_words(*writer, n) != Append::done) return;  // what is held is not to be had
    }
  }
  void read_in_place() {
    alignas(16) std::byte buffer[shm::kMaxInlineBytes];
    for (int i = 0; i < 2; ++i) {
      shm::Received received;
      if (reader->try_take(received, buffer) != shm::Take::message) return;
      if (received.hold == shm::Received::kNoHold) fail("the payload was copied");
      watch(received.data, received.sequence);
      reader->release(received.hold);
    }
  }
};

Report hold_while_publishing(const char* name, shm::ReaderKind kind) {
  Library stage;
  const auto begin = [&] {
    stage.begin();
    stage.reader = stage.world.reader(
        1, {.kind = kind, .start = {shm::StartAt::Kind::oldest}, .max_holds = 2});
  };
  return explore(
      name, {begin, {[&] { stage.publish_more(); }, [&] { stage.read_in_place(); }}, {}, [] {}},
      {.preemptions = 3, .kept_back = 1, .seconds = 4});
}

TEST(HoldSchedules, WhatALossyReaderHoldsIsNotHandedOutAgain) {
  const auto report = hold_while_publishing("hold, lossy", shm::ReaderKind::lossy);
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.schedules, 100U);
}

TEST(HoldSchedules, WhatARequiredReaderHoldsIsNotHandedOutAgain) {
  const auto report = hold_while_publishing("hold, required", shm::ReaderKind::required);
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.schedules, 100U);
}

/// A lossy reader in plain loads and stores that takes message 1.
enum class Protect : std::uint8_t { right, without_recheck, without_fence };

Report plain_hold(const char* name, Protect how, int kept_back) {
  Library stage;
  const auto begin = [&] {
    stage.begin();
    shm::ReaderLayout& page = stage.world.page(0);
    page.owner.store(stage.world.token(1).bits(), kRelease);
    page.kind.store(static_cast<std::uint32_t>(shm::ReaderKind::lossy), kRelaxed);
    page.claim.store(1, kRelease);
    page.live.store(1, kRelease);
    stage.world.board().present[0].store(1, kRelease);
  };
  const auto read = [&] {
    shm::SlotLayout& slot = stage.world.slot(0, 1);
    auto& hold = stage.world.page(0).holds[0];
    if (slot.sequence.load(kAcquire) != 1) return;
    const std::uint64_t offset = shm::LaneView::payload(&slot)[0].load(kRelaxed);
    const std::uint64_t bytes = shm::LaneView::payload(&slot)[1].load(kRelaxed);
    if (slot.sequence.load(kRelaxed) != 1) return;
    hold.store(shm::Hold{0, offset, bytes}.pack(), kRelaxed);
    if (how != Protect::without_fence) shm::fence(kSeqCst);
    if (how != Protect::without_recheck && slot.sequence.load(kRelaxed) != 1) return;
    watch(stage.world.pool(0) + offset, 1);
    hold.store(0, kRelease);
  };
  return explore(name, {begin, {[&] { stage.publish_more(); }, read}, {}, [] {}},
                 {.preemptions = 3, .kept_back = kept_back, .seconds = 4});
}

TEST(HoldSchedules, APlainLossyHoldWithItsRecheckIsSafe) {
  EXPECT_EQ(plain_hold("plain hold", Protect::right, 1).failure, "");
}

TEST(HoldSchedules, ALossyHoldWithoutTheRecheckReadsReusedMemory) {
  EXPECT_NE(plain_hold("wrong: no re-check", Protect::without_recheck, 0).failure, "");
}

TEST(HoldSchedules, ALossyHoldWithoutTheFenceReadsReusedMemory) {
  EXPECT_NE(plain_hold("wrong: no fence", Protect::without_fence, 1).failure, "");
}

}  // namespace
}  // namespace tow::schedule
