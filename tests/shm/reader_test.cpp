#include "towpath/shm/reader.hpp"

#include <gmock/gmock.h>

#include "tests/support/ring_files.hpp"

namespace tow::shm {
namespace {

using test::append_text;
using test::RingFiles;
using test::take_from;

class ReaderTest : public testing::TestWithParam<RingKind> {
 protected:
  bool many() const { return GetParam() == RingKind::many; }
  const RingFiles files_{GetParam()};
};

TEST_P(ReaderTest, RequiredOneGetsEverythingAndHoldsThePublisherBack) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  int sent = 0;
  while (append_text(*writer, std::to_string(sent + 1)) == Append::done) ++sent;
  EXPECT_EQ(sent, 16);
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(take_from(*reader).payload, std::to_string(i));
  for (; append_text(*writer, std::to_string(sent + 1)) == Append::done; ++sent) {
  }
  EXPECT_EQ(sent, 20) << "a quarter of the ring was read, and said so";
  for (int i = 5; i <= 20; ++i) EXPECT_EQ(take_from(*reader).payload, std::to_string(i));
  EXPECT_EQ(take_from(*reader).take, Take::empty);
}

TEST_P(ReaderTest, LossyOneCountsExactlyWhatItMissed) {
  const auto writer = files_.writer();
  const auto reader = files_.reader({.kind = ReaderKind::lossy});
  for (int i = 1; i <= 1000; ++i) ASSERT_EQ(append_text(*writer, std::to_string(i)), Append::done);
  std::uint64_t expected = 1;
  for (auto took = take_from(*reader); took.take == Take::message; took = take_from(*reader)) {
    EXPECT_EQ(took.sequence, expected + took.missed);
    EXPECT_EQ(took.payload, std::to_string(took.sequence));
    expected = took.sequence + 1;
  }
  EXPECT_EQ(expected, 1001U);
  EXPECT_EQ(reader->received() + reader->lost(), 1000U);
  EXPECT_GE(reader->received(), 12U) << "three quarters of the ring are readable";
  EXPECT_EQ(reader->gaps(), 1U);
}

TEST_P(ReaderTest, JoiningInAnyStateGivesWhatItPromises) {
  const auto writer = files_.writer();
  for (std::uint64_t tail = 0; tail < 100; ++tail) {
    for (const auto kind : {StartAt::Kind::oldest, StartAt::Kind::last, StartAt::Kind::sequence,
                            StartAt::Kind::next}) {
      const auto reader = files_.reader({.start = {kind, kind == StartAt::Kind::last ? 5U : 1U}});
      const std::uint64_t promised = kind == StartAt::Kind::next ? 0
                                     : kind == StartAt::Kind::last
                                         ? std::min<std::uint64_t>(5, tail)
                                         : std::min<std::uint64_t>(12, tail);
      ASSERT_LE(reader->start_sequence(), tail + 1 - promised) << "tail " << tail;
      for (std::uint64_t n = reader->start_sequence(); n <= tail; ++n) {
        const auto took = take_from(*reader);
        ASSERT_EQ(took.take, Take::message) << n << " of " << tail;
        ASSERT_EQ(took.sequence, n);
      }
      ASSERT_EQ(take_from(*reader).take, Take::empty);
    }
    ASSERT_EQ(append_text(*writer, "x"), Append::done);
  }
}

TEST_P(ReaderTest, ObserverLeavesNoTraceAndReadsAll) {
  const auto writer = files_.writer();
  const auto before = test::tree_of(files_.topic_path());
  const auto reader = Reader::observe(files_.open(), {StartAt::Kind::oldest, 0});
  for (int i = 1; i <= 10; ++i) {
    ASSERT_EQ(append_text(*writer, std::string(1000, 'a')), Append::done);
    const auto took = take_from(*reader, true);
    EXPECT_EQ(took.payload.size(), 1000U);
    EXPECT_EQ(took.hold, Received::kNoHold) << "it copies";
  }
  EXPECT_EQ(test::tree_of(files_.topic_path()), before);
}

TEST_P(ReaderTest, HoldsAreBoundedAndFurtherPayloadsAreCopied) {
  const auto writer = files_.writer();
  const auto lossy = files_.reader({.kind = ReaderKind::lossy});
  const auto required = files_.reader({.max_holds = 2});
  for (int i = 0; i < 6; ++i) ASSERT_EQ(append_text(*writer, std::string(500, 'a')), Append::done);
  int lossy_holds = 0, required_holds = 0;
  for (int i = 0; i < 6; ++i) {
    lossy_holds += take_from(*lossy, true).hold != Received::kNoHold;
    required_holds += take_from(*required, true).hold != Received::kNoHold;
  }
  EXPECT_EQ(lossy_holds, static_cast<int>(kMaxLossyHolds));
  EXPECT_EQ(required_holds, 2);
}

TEST_P(ReaderTest, SkippingToTheLatestIsNotLosing) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  EXPECT_EQ(reader->skip_to_latest(), 0U);
  for (int i = 1; i <= 10; ++i) ASSERT_EQ(append_text(*writer, std::to_string(i)), Append::done);
  EXPECT_EQ(reader->lag(), 10U);
  EXPECT_EQ(reader->skip_to_latest(), 9U);
  EXPECT_EQ(take_from(*reader).payload, "10");
  EXPECT_EQ(reader->lost(), 0U);
  for (int i = 0; i < 15; ++i) EXPECT_EQ(append_text(*writer, "x"), Append::done);
}

/// Words of a lane or an index, overwritten by a peer that has gone mad.
class DamagedWords : public ReaderTest {
 protected:
  void SetUp() override {
    writer_ = files_.writer();
    reader_ = files_.reader({.start = {StartAt::Kind::oldest, 0}});
    for (int i = 1; i <= 3; ++i) {
      ASSERT_EQ(append_text(*writer_, std::string(1000, static_cast<char>('0' + i)), "key"),
                Append::done);
    }
    lane_ = ring_->map_lane(0, Access::read_write).value();
    slot_ = lane_.slot(many() ? 0 : 1);
  }
  /// The first message is skipped as damaged, the others are fine.
  void expect_first_skipped() {
    EXPECT_EQ(take_from(*reader_).take, Take::damaged);
    for (std::uint64_t n = 2; n <= 3; ++n) {
      const auto took = take_from(*reader_);
      EXPECT_EQ(took.take, Take::message);
      EXPECT_EQ(took.sequence, n);
    }
    EXPECT_EQ(reader_->lost(), 1U);
  }
  Atomic<std::uint64_t>& payload(int word) { return LaneView::payload(slot_)[word]; }

  const std::shared_ptr<Ring> ring_ = files_.open();
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> reader_;
  LaneView lane_;
  SlotLayout* slot_ = nullptr;
};

TEST_P(DamagedWords, PayloadBehindThePoolIsSkipped) {
  payload(0).store(files_.geometry().raw().pool_bytes, kRelaxed);
  expect_first_skipped();
}

TEST_P(DamagedWords, PayloadFarOutsideThePoolIsSkipped) {
  payload(0).store(UINT64_MAX - 63, kRelaxed);
  expect_first_skipped();
}

TEST_P(DamagedWords, PayloadLongerThanThePoolIsSkipped) {
  payload(1).store(UINT64_MAX, kRelaxed);
  expect_first_skipped();
}

TEST_P(DamagedWords, MisalignedPayloadIsSkipped) {
  payload(0).store(1, kRelaxed);
  expect_first_skipped();
}

TEST_P(DamagedWords, PayloadShorterThanItsSizeIsSkipped) {
  payload(1).store(10, kRelaxed);
  expect_first_skipped();
}

TEST_P(DamagedWords, InlinePayloadLongerThanItsSlotIsSkipped) {
  slot_->meta.store(SlotMeta{.payload_bytes = 49}.pack(), kRelaxed);
  expect_first_skipped();
}

TEST_P(DamagedWords, LaneThatDoesNotExistIsSkipped) {
  if (!many()) GTEST_SKIP() << "there is no index";
  ring_->index(1).store(files_.geometry().index_word(1, 3, 0), kRelaxed);
  expect_first_skipped();
}

TEST_P(DamagedWords, SlotWithAnotherSequenceIsALoss) {
  slot_->sequence.store(1'000'000, kRelaxed);
  std::uint64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    const auto took = take_from(*reader_);
    if (took.take == Take::message) last = took.sequence;
  }
  EXPECT_EQ(last, 3U) << "the reader goes on behind the damage";
  EXPECT_GE(reader_->lost(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ReaderTest, testing::Values(RingKind::one, RingKind::many),
                         [](const auto& kind) { return test::kind_name(kind.param); });
INSTANTIATE_TEST_SUITE_P(Kinds, DamagedWords, testing::Values(RingKind::one, RingKind::many),
                         [](const auto& kind) { return test::kind_name(kind.param); });

}  // namespace
}  // namespace tow::shm
