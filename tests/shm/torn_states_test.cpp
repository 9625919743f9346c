// What the dead leave behind, built by hand: each state that a death at one instruction makes.

#include <gmock/gmock.h>

#include "tests/support/ring_files.hpp"

namespace tow::shm {
namespace {

using test::append_text;
using test::dead_token;
using test::RingFiles;
using test::take_from;
using testing::HasSubstr;

class TornState : public testing::TestWithParam<RingKind> {
 protected:
  bool many() const { return GetParam() == RingKind::many; }

  /// Publishes texts "1", "2", ... and ends as a killed publisher does: its lane names the dead.
  void die_after(std::uint64_t messages, const std::string& filler = {}) {
    {
      const auto writer = files_.writer();
      for (std::uint64_t i = 1; i <= messages; ++i) {
        ASSERT_EQ(append_text(*writer, std::to_string(i) + filler), Append::done);
      }
    }
    lane_ = ring_->map_lane(0, Access::read_write).value();
    lane_.header()->owner.store(dead_token().bits(), kRelaxed);
  }
  SlotLayout& slot(std::uint64_t number) { return *lane_.slot(number & 15); }

  void expect_next(Reader& reader, std::uint64_t sequence, const std::string& payload) {
    const auto took = take_from(reader);
    ASSERT_EQ(took.take, Take::message);
    EXPECT_EQ(took.sequence, sequence);
    EXPECT_EQ(took.payload, payload);
  }

  const RingFiles files_{GetParam()};
  const std::shared_ptr<Ring> ring_ = files_.open();
  LaneView lane_;
};

TEST_P(TornState, OrphanedLaneIsAdoptedAndGoesOnWithoutAGap) {
  const auto reader = files_.reader();
  die_after(5);
  const auto standby = files_.writer();
  EXPECT_EQ(standby->lane(), 0U);
  EXPECT_EQ(lane_.header()->adoptions.load(kRelaxed), 1U);
  EXPECT_EQ(append_text(*standby, "6"), Append::done);
  for (int i = 1; i <= 6; ++i) {
    expect_next(*reader, static_cast<std::uint64_t>(i), std::to_string(i));
  }
  EXPECT_EQ(take_from(*reader).take, Take::empty);
}

TEST_P(TornState, LaneOfTheLivingIsNotTaken) {
  const auto first = files_.writer();
  const auto second = Writer::attach(files_.open());
  if (many()) {
    EXPECT_EQ(second.value()->lane(), 1U);
  } else {
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), Code::publisher_exists);
    EXPECT_THAT(second.error().message(), HasSubstr("pid "));
    EXPECT_THAT(second.error().message(), HasSubstr("publishers = many"));
  }
}

TEST_P(TornState, SlotThatWasBeingWrittenIsWrittenAnew) {
  const auto reader = files_.reader();
  die_after(5);
  slot(many() ? 5 : 6).sequence.store(6 | kBusy, kRelaxed);
  slot(many() ? 5 : 6).meta.store(UINT64_MAX, kRelaxed);
  EXPECT_EQ(ring_->tail(), 5U);
  const auto standby = files_.writer();
  EXPECT_EQ(append_text(*standby, "six"), Append::done);
  for (int i = 1; i <= 5; ++i) {
    expect_next(*reader, static_cast<std::uint64_t>(i), std::to_string(i));
  }
  expect_next(*reader, 6, "six");
  EXPECT_EQ(take_from(*reader).take, Take::empty);
}

TEST_P(TornState, BatchOfTheDeadIsAPrefix) {
  const auto reader = files_.reader();
  die_after(5);
  for (std::uint64_t n = many() ? 5 : 6; n < 10; ++n) slot(n).sequence.store(n | kBusy, kRelaxed);
  const auto standby = files_.writer();
  for (int i = 6; i <= 12; ++i) ASSERT_EQ(append_text(*standby, std::to_string(i)), Append::done);
  for (int i = 1; i <= 12; ++i) {
    expect_next(*reader, static_cast<std::uint64_t>(i), std::to_string(i));
  }
}

TEST_P(TornState, MessageThatWasPreparedButNeverNamedIsVoid) {
  if (!many()) GTEST_SKIP() << "with one publisher the slot itself is the commit";
  const auto reader = files_.reader();
  die_after(5);
  slot(5).sequence.store(6, kRelaxed);  // all but the index word
  slot(5).meta.store(SlotMeta{.payload_bytes = 4}.pack(), kRelaxed);
  EXPECT_EQ(ring_->tail(), 5U);
  const auto standby = files_.writer();
  EXPECT_EQ(slot(5).sequence.load(kRelaxed), 0U) << "cleared before anything is published";
  EXPECT_EQ(append_text(*standby, "six"), Append::done);
  for (int i = 1; i <= 5; ++i) {
    expect_next(*reader, static_cast<std::uint64_t>(i), std::to_string(i));
  }
  expect_next(*reader, 6, "six");
}

TEST_P(TornState, PreparedMessageThatLostItsRaceIsVoid) {
  if (!many()) GTEST_SKIP() << "there is no race with one publisher";
  const auto reader = files_.reader();
  die_after(5);
  slot(5).sequence.store(6, kRelaxed);
  const auto other = Writer::attach(files_.open()).value();  // adopts lane 0
  EXPECT_EQ(append_text(*other, "six"), Append::done);
  EXPECT_EQ(append_text(*other, "seven"), Append::done);
  for (int i = 1; i <= 5; ++i) {
    expect_next(*reader, static_cast<std::uint64_t>(i), std::to_string(i));
  }
  expect_next(*reader, 6, "six");
  expect_next(*reader, 7, "seven");
}

TEST_P(TornState, DeathBetweenTheLimitAndTheMessageHoldsNobodyBack) {
  const auto reader = files_.reader();
  die_after(5);
  ring_->order().limit.store(5 + 16, kRelaxed);  // the highest that is allowed
  const auto standby = files_.writer();
  EXPECT_EQ(ring_->tail(), 5U);
  for (int i = 6; i <= 16; ++i) ASSERT_EQ(append_text(*standby, std::to_string(i)), Append::done);
  EXPECT_EQ(append_text(*standby, "17"), Append::full) << "the reader has read nothing yet";
  for (int i = 1; i <= 16; ++i) {
    expect_next(*reader, static_cast<std::uint64_t>(i), std::to_string(i));
  }
  EXPECT_EQ(append_text(*standby, "17"), Append::done);
}

/// A page as a killed subscriber leaves it: joined, required, at the beginning.
ReaderLayout& dead_page(const Ring& ring, Segment& segment) {
  EXPECT_TRUE(create_reader(ring.readers(), 0, 0600));
  segment = ring.map_reader(0, Access::read_write).value();
  auto& page = *segment.as<ReaderLayout>();
  page.owner.store(dead_token().bits(), kRelaxed);
  page.claim.store(1, kRelaxed);
  page.live.store(1, kRelaxed);
  page.kind.store(static_cast<std::uint32_t>(ReaderKind::required), kRelaxed);
  page.cursor.store(1, kRelaxed);
  ring.board().present[0].store(1, kRelaxed);
  return page;
}

TEST_P(TornState, PageOfADeadReaderBlocksNobodyLongerThanTheProof) {
  Segment segment;
  const ReaderLayout& page = dead_page(*ring_, segment);
  const auto writer = files_.writer();
  for (int i = 1; i <= 16; ++i) ASSERT_EQ(append_text(*writer, "x"), Append::done);
  ASSERT_EQ(append_text(*writer, "x"), Append::full);
  EXPECT_EQ(writer->wait_for_room(Append::full, 0, Deadline::never()), Wake::changed);
  EXPECT_EQ(append_text(*writer, "x"), Append::done);
  EXPECT_EQ(page.owner.load(kRelaxed), 0U);
}

TEST_P(TornState, PageOfADeadReaderIsClaimedByTheNext) {
  Segment segment;
  ReaderLayout& page = dead_page(*ring_, segment);
  page.holds[3].store(Hold{0, 0, 64}.pack(), kRelaxed);
  page.received.store(99, kRelaxed);
  const auto reader = files_.reader();
  EXPECT_EQ(reader->number(), 0U);
  EXPECT_EQ(page.claim.load(kRelaxed), 2U);
  EXPECT_EQ(page.live.load(kRelaxed), 2U);
  EXPECT_EQ(page.holds[3].load(kRelaxed), 0U);
  EXPECT_EQ(page.received.load(kRelaxed), 0U);
}

TEST_P(TornState, ReaderThatDiedWhileJoiningDoesNotCount) {
  Segment segment;
  ReaderLayout& page = dead_page(*ring_, segment);
  page.claim.store(2, kRelaxed);  // raised, but not live yet
  const auto writer = files_.writer();
  for (int i = 0; i < 40; ++i) ASSERT_EQ(append_text(*writer, "x"), Append::done);
}

TEST_P(TornState, HoldOfTheDeadKeepsNoMemory) {
  Segment segment;
  ReaderLayout& page = dead_page(*ring_, segment);
  page.kind.store(static_cast<std::uint32_t>(ReaderKind::lossy), kRelaxed);
  page.holds[0].store(Hold{0, 0, 60'000}.pack(), kRelaxed);
  const auto writer = files_.writer();
  const std::string large(10'000, 'x');
  int published = 0;
  while (published < 100 && append_text(*writer, large) == Append::done) ++published;
  if (published < 100) {
    EXPECT_EQ(writer->wait_for_room(Append::pool_full, large.size(), Deadline::never()),
              Wake::changed);
  }
  for (int i = 0; i < 100; ++i) ASSERT_EQ(append_text(*writer, large), Append::done);
}

TEST_P(TornState, PayloadHeldByTheLivingSurvivesAdoption) {
  const auto reader = files_.reader({.kind = ReaderKind::lossy});
  const std::string filler(10'000, 'x');
  die_after(1, filler);
  alignas(16) std::byte buffer[kMaxInlineBytes];
  Received held;
  ASSERT_EQ(reader->try_take(held, buffer), Take::message);
  ASSERT_NE(held.hold, Received::kNoHold);
  const auto standby = files_.writer();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(append_text(*standby, std::string(9'000, 'y')), Append::done) << i;
  }
  const std::string seen(reinterpret_cast<const char*>(held.data), held.payload_bytes);
  EXPECT_EQ(seen, "1" + filler) << "the successor overwrote what a reader holds";
  reader->release(held.hold);
}

TEST_P(TornState, HeldPayloadWhoseSlotIsGoneSurvivesAdoption) {
  const auto reader = files_.reader({.kind = ReaderKind::lossy});
  const std::string filler(10'000, 'x');
  Received held;
  alignas(16) std::byte buffer[kMaxInlineBytes];
  {
    const auto writer = files_.writer();
    ASSERT_EQ(append_text(*writer, filler), Append::done);
    ASSERT_EQ(reader->try_take(held, buffer), Take::message);
    for (int i = 0; i < 40; ++i) ASSERT_EQ(append_text(*writer, "small"), Append::done);
  }
  die_after(0);
  const auto standby = files_.writer();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(append_text(*standby, std::string(9'000, 'y')), Append::done) << i;
  }
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(held.data), held.payload_bytes), filler);
  reader->release(held.hold);
}

TEST_P(TornState, DeadPublisherOfAnotherUserKeepsItsLaneReadable) {
  die_after(3);
  lane_.header()->owner.store(Token(12345, 1, 1).bits(), kRelaxed);  // nobody's file: unknown
  const auto attached = Writer::attach(files_.open());
  if (many()) {
    EXPECT_EQ(attached.value()->lane(), 1U) << "unknown is not dead";
  } else {
    EXPECT_EQ(attached.error(), Code::publisher_exists);
  }
  const auto reader = files_.reader({.start = {StartAt::Kind::oldest, 0}});
  for (int i = 1; i <= 3; ++i) {
    expect_next(*reader, static_cast<std::uint64_t>(i), std::to_string(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TornState, testing::Values(RingKind::one, RingKind::many),
                         [](const auto& kind) { return test::kind_name(kind.param); });

}  // namespace
}  // namespace tow::shm
