// Messages that are prepared whole and go out later, under a pin.

#include <gmock/gmock.h>

#include "tests/support/ring_files.hpp"
#include "towpath/shm/repair.hpp"

namespace tow::shm {
namespace {

using test::append_text;
using test::dead_token;
using test::RingFiles;
using test::small_geometry;
using test::take_from;
using testing::HasSubstr;

GeometryLayout shallow() {
  GeometryLayout raw = small_geometry(RingKind::many, 32);
  raw.lane_slot_count = 16;
  return raw;
}

class Prepared : public testing::TestWithParam<bool> {
 protected:
  static GeometryLayout geometry() {
    return GetParam() ? shallow() : small_geometry(RingKind::many);
  }
  static Append prepare(Writer& writer, const std::string& text) {
    return writer.prepare(text.data(), static_cast<std::uint32_t>(text.size()));
  }
  std::uint64_t pin_of(const Writer& writer) const {
    return ring_->order().pins[writer.lane()].load(kRelaxed);
  }

  const RingFiles files_{geometry()};
  const std::shared_ptr<Ring> ring_ = files_.open();
  Atomic<std::uint64_t> out_{0};
};

TEST_P(Prepared, IsSeenByNobodyUntilItIsPublished) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  ASSERT_EQ(prepare(*writer, "a"), Append::done);
  ASSERT_EQ(prepare(*writer, std::string(9'000, 'b')), Append::done);
  EXPECT_EQ(ring_->tail(), 0U);
  EXPECT_EQ(take_from(*reader).take, Take::empty);
  ASSERT_EQ(writer->publish_prepared(out_), Append::done);
  EXPECT_EQ(out_.load(kRelaxed), 1U);
  EXPECT_EQ(take_from(*reader).payload, "a");
  EXPECT_EQ(take_from(*reader).take, Take::empty);
  ASSERT_EQ(writer->publish_prepared(out_), Append::done);
  EXPECT_EQ(out_.load(kRelaxed), 2U);
  EXPECT_EQ(take_from(*reader).payload, std::string(9'000, 'b'));
  EXPECT_EQ(writer->prepared(), 0U);
  EXPECT_EQ(pin_of(*writer), 0U);
}

TEST_P(Prepared, OthersPublishMeanwhileAndItComesBehindThem) {
  const auto writer = files_.writer();
  const auto other = files_.writer();
  ASSERT_EQ(prepare(*writer, "mine"), Append::done);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(append_text(*other, "theirs"), Append::done);
  const auto reader = files_.reader();
  ASSERT_EQ(writer->publish_prepared(out_), Append::done);
  EXPECT_EQ(out_.load(kRelaxed), 101U);
  EXPECT_EQ(take_from(*reader).payload, "mine");
}

TEST_P(Prepared, NothingElseGoesThroughTheSameWriterBeforeItIsOut) {
  const auto writer = files_.writer();
  ASSERT_EQ(prepare(*writer, "first"), Append::done);
  ASSERT_EQ(prepare(*writer, "second"), Append::done);
  EXPECT_EQ(append_text(*writer, "ordinary"), Append::prepared);
  EXPECT_EQ(append_text(*writer, std::string(9'000, 'x')), Append::prepared);
  EXPECT_EQ(writer->room_for_prepared(), Append::done);
  EXPECT_EQ(append_text(*writer, "ordinary"), Append::prepared);
  ASSERT_EQ(writer->publish_prepared(out_), Append::done);
  EXPECT_EQ(append_text(*writer, "ordinary"), Append::prepared);
  ASSERT_EQ(writer->publish_prepared(out_), Append::done);
  EXPECT_EQ(append_text(*writer, "ordinary"), Append::done);
  EXPECT_EQ(writer->last_sequence(), 3U);
}

TEST_P(Prepared, DiscardedItLeavesNothing) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(prepare(*writer, "small"), Append::done) << i;
    ASSERT_EQ(prepare(*writer, std::string(15'000, 'x')), Append::done) << i;
    writer->discard_prepared();
    ASSERT_EQ(append_text(*writer, std::to_string(i)), Append::done) << i;
    ASSERT_EQ(take_from(*reader).payload, std::to_string(i));
  }
}

TEST_P(Prepared, PoolMemoryIsReusedForEverAndNeverWhileUnread) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  for (int i = 0; i < 500; ++i) {
    const std::string text(static_cast<std::size_t>(100 + i * 37 % 16'000),
                           static_cast<char>('a' + i % 26));
    ASSERT_EQ(prepare(*writer, text), Append::done) << i;
    ASSERT_EQ(prepare(*writer, text + "2"), Append::done) << i;
    ASSERT_EQ(writer->publish_prepared(out_), Append::done) << i;
    ASSERT_EQ(writer->publish_prepared(out_), Append::done) << i;
    ASSERT_EQ(take_from(*reader).payload, text);
    ASSERT_EQ(take_from(*reader).payload, text + "2");
  }
}

TEST_P(Prepared, OverwritesNothingThatARequiredReaderHasNotRead) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  int sent = 0;
  while (append_text(*writer, std::to_string(sent)) == Append::done) ++sent;
  EXPECT_EQ(prepare(*writer, "x"), Append::full);
  EXPECT_EQ(take_from(*reader).payload, "0");
  for (int i = 1; i < sent; ++i) {
    ASSERT_EQ(take_from(*reader).payload, std::to_string(i)) << "overwritten unread";
  }
  while (take_from(*reader).take != Take::empty) {
  }
  ASSERT_EQ(prepare(*writer, "x"), Append::done);
  ASSERT_EQ(writer->publish_prepared(out_), Append::done);
  EXPECT_EQ(take_from(*reader).payload, "x");
}

TEST_P(Prepared, FindsNoRoomWhereARequiredReaderIsBehindAndSomeOnceItHasRead) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  ASSERT_EQ(prepare(*writer, "mine"), Append::done);
  const auto other = files_.writer();
  const auto third = files_.writer();
  const auto fourth = files_.writer();
  std::uint64_t sent = 0;
  for (const auto* publisher : {&other, &third, &fourth}) {  // their lanes may be shallower
    while (append_text(**publisher, "theirs") == Append::done) ++sent;
  }
  ASSERT_EQ(sent, ring_->geometry().slot_count());
  EXPECT_EQ(writer->publish_prepared(out_), Append::full);
  EXPECT_EQ(writer->room_for_prepared(), Append::full);
  EXPECT_EQ(pin_of(*writer), 0U) << "who waits for room must not be in its own way";
  EXPECT_THAT(writer->blocked_by(), HasSubstr("subscriber 0"));
  for (std::uint64_t i = 0; i < sent; ++i) ASSERT_EQ(take_from(*reader).payload, "theirs");
  EXPECT_EQ(writer->wait_for_prepared(Deadline::never()), Wake::changed);
  EXPECT_EQ(writer->publish_prepared(out_), Append::done);
  EXPECT_EQ(take_from(*reader).payload, "mine");
}

TEST_P(Prepared, HalfTheLaneAtMost) {
  const auto writer = files_.writer();
  const std::uint64_t half = ring_->geometry().lane_slot_count() / 2;
  for (std::uint64_t i = 0; i < half; ++i) ASSERT_EQ(prepare(*writer, "x"), Append::done) << i;
  EXPECT_EQ(prepare(*writer, "x"), Append::prepared);
  for (std::uint64_t i = 0; i < half; ++i) ASSERT_EQ(writer->publish_prepared(out_), Append::done);
  EXPECT_EQ(ring_->tail(), half);
}

TEST_P(Prepared, APinHoldsPublishersUpAsARequiredReaderDoes) {
  const auto writer = files_.writer();
  const auto other = files_.writer();
  ASSERT_EQ(append_text(*writer, "1"), Append::done);
  const std::uint64_t slots = ring_->geometry().slot_count();
  ring_->order().pinned[0].fetch_or(1, kRelaxed);
  ring_->order().pins[0].store(2, kRelaxed);
  std::uint64_t sent = 1;
  const auto third = files_.writer();
  const auto fourth = files_.writer();
  while (append_text(*other, "x") == Append::done) ++sent;
  while (append_text(*third, "x") == Append::done) ++sent;
  while (append_text(*fourth, "x") == Append::done) ++sent;
  EXPECT_LE(sent, slots + 1);
  EXPECT_THAT(fourth->blocked_by(), HasSubstr("lane 0"));
  ring_->order().pins[0].store(0, kRelaxed);
  EXPECT_EQ(append_text(*fourth, "x"), Append::done);
}

TEST_P(Prepared, WithoutASettlementItIsVoidWhenItsPublisherDies) {
  const auto reader = files_.reader();
  {
    const auto writer = files_.writer();
    ASSERT_EQ(append_text(*writer, "1"), Append::done);
    ASSERT_EQ(prepare(*writer, "void"), Append::done);
    ASSERT_EQ(prepare(*writer, std::string(15'000, 'x')), Append::done);
  }
  const auto lane = ring_->map_lane(0, Access::read_write).value();
  lane.header()->owner.store(dead_token().bits(), kRelaxed);
  const auto heir = files_.writer();
  EXPECT_EQ(heir->lane(), 0U);
  for (int i = 2; i <= 5; ++i) {
    ASSERT_EQ(append_text(*heir, std::string(15'000, 'y')), Append::done) << "its pool is free";
    if (i == 2) {
      ASSERT_EQ(take_from(*reader).payload, "1");
    }
    ASSERT_EQ(take_from(*reader).sequence, static_cast<std::uint64_t>(i));
  }
}

TEST_P(Prepared, LaneInARecordIsNotAdoptedByOrdinaryPublishers) {
  { const auto writer = files_.writer(); }
  const auto lane = ring_->map_lane(0, Access::read_write).value();
  for (const Token owner : {dead_token(), Token()}) {
    lane.header()->owner.store(owner.bits(), kRelaxed);
    lane.header()->in_record.store(7, kRelaxed);
    EXPECT_EQ(files_.writer()->lane(), 1U);
    EXPECT_EQ(lane.header()->owner.load(kRelaxed), owner.bits());
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, Prepared, testing::Bool(), [](const auto& shallow) {
  return shallow.param ? "shallow" : "asDeepAsTheTopic";
});

TEST(PreparedOfOne, IsRefused) {
  const RingFiles files(RingKind::one);
  const auto writer = files.writer();
  EXPECT_EQ(writer->prepare("x", 1), Append::prepared);
  EXPECT_EQ(append_text(*writer, "x"), Append::done);
}

}  // namespace
}  // namespace tow::shm
