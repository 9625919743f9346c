#include "towpath/shm/reader_table.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/support/process.hpp"
#include "tests/support/ring_files.hpp"

namespace tow::shm {
namespace {

using test::RingFiles;
using testing::HasSubstr;

/// Reader pages written by hand.
class ReaderTableTest : public testing::TestWithParam<RingKind> {
 protected:
  /// A joined, required reader that belongs to us.
  ReaderLayout& page(std::uint32_t number, std::uint64_t cursor) {
    EXPECT_TRUE(create_reader(ring_->readers(), number, 0600));
    segments_.push_back(ring_->map_reader(number, Access::read_write).value());
    auto& page = *segments_.back().as<ReaderLayout>();
    page.owner.store(ring_->participants().self().bits(), kRelaxed);
    page.claim.store(3, kRelaxed);
    page.live.store(3, kRelaxed);
    page.kind.store(static_cast<std::uint32_t>(ReaderKind::required), kRelaxed);
    page.cursor.store(cursor, kRelaxed);
    ring_->board().present[number / 64].fetch_or(1ULL << number % 64, kRelaxed);
    return page;
  }

  const RingFiles files_{GetParam()};
  const std::shared_ptr<Ring> ring_ = files_.open();
  std::vector<Segment> segments_;
  ReaderTable table_{*ring_};
};

TEST_P(ReaderTableTest, LowestCursorIsThatOfTheSlowestRequiredReader) {
  EXPECT_FALSE(table_.lowest_cursor(100));
  EXPECT_THAT(table_.blocker_text(), HasSubstr("nobody is in the way"));
  page(2, 40);
  auto& slow = page(5, 30);
  auto& lossy = page(1, 10);
  lossy.kind.store(static_cast<std::uint32_t>(ReaderKind::lossy), kRelaxed);
  EXPECT_EQ(table_.lowest_cursor(100), 30U);
  EXPECT_THAT(table_.blocker_text(), HasSubstr("subscriber 5"));
  EXPECT_THAT(table_.blocker_text(), HasSubstr("pid " + std::to_string(getpid())));
  EXPECT_THAT(table_.blocker_text(), HasSubstr("up to message 29"));
  slow.cursor.store(50, kRelaxed);
  EXPECT_EQ(table_.lowest_cursor(100), 40U);
}

TEST_P(ReaderTableTest, PageCountsOnlyBetweenJoiningAndLeaving) {
  auto& reader = page(0, 30);
  EXPECT_EQ(table_.lowest_cursor(100), 30U);
  reader.live.store(0, kRelaxed);
  EXPECT_FALSE(table_.lowest_cursor(100)) << "it is leaving";
  reader.live.store(3, kRelaxed);
  reader.claim.store(4, kRelaxed);
  EXPECT_FALSE(table_.lowest_cursor(100)) << "the next one is joining";
  reader.live.store(4, kRelaxed);
  EXPECT_TRUE(table_.lowest_cursor(100));
  reader.owner.store(0, kRelaxed);
  EXPECT_FALSE(table_.lowest_cursor(100)) << "it is free";
}

TEST_P(ReaderTableTest, PageOnceMappedCountsWhateverTheBoardSays) {
  page(3, 30);
  EXPECT_EQ(table_.lowest_cursor(100), 30U);
  ring_->board().present[0].store(0, kRelaxed);
  EXPECT_EQ(table_.lowest_cursor(100), 30U);
}

TEST_P(ReaderTableTest, BitsWithoutPagesAreOnlyHints) {
  for (auto& word : ring_->board().present) word.store(UINT64_MAX, kRelaxed);
  EXPECT_FALSE(table_.lowest_cursor(100));
  page(6, 12);
  EXPECT_EQ(table_.lowest_cursor(100), 12U);
}

TEST_P(ReaderTableTest, PageThatCannotBeLookedAtCountsAsIfItHadReadNothing) {
  page(0, 30);
  const std::string link = files_.topic_path() + "/readers/5";
  ASSERT_EQ(symlink("0", link.c_str()), 0);  // refused, but not for being no page
  ring_->board().present[0].fetch_or(1ULL << 5, kRelaxed);
  EXPECT_EQ(table_.lowest_cursor(100), 1U);
  EXPECT_FALSE(table_.holds_of(0)) << "nothing may be freed";
  ASSERT_EQ(unlink(link.c_str()), 0);
  EXPECT_EQ(table_.lowest_cursor(100), 30U);
  EXPECT_TRUE(table_.holds_of(0));
}

TEST_P(ReaderTableTest, EvictsOnlyThoseThatAllowItAndLagTooFar) {
  page(0, 10);
  auto& near = page(1, 95);
  auto& far = page(2, 10);
  near.max_lag.store(10, kRelaxed);
  far.max_lag.store(10, kRelaxed);
  EXPECT_EQ(table_.lowest_cursor(100), 10U);
  EXPECT_EQ(ring_->order().evicted[0].load(kRelaxed), 0U);
  EXPECT_EQ(ring_->order().evicted[1].load(kRelaxed), 0U);
  EXPECT_EQ(ring_->order().evicted[2].load(kRelaxed), 3U);
  far.claim.store(4, kRelaxed);
  far.live.store(4, kRelaxed);
  far.cursor.store(5, kRelaxed);
  EXPECT_EQ(table_.lowest_cursor(14), 5U) << "the eviction was its predecessor's";
}

TEST_P(ReaderTableTest, EvictedReaderHoldsNobodyUp) {
  auto& far = page(0, 10);
  page(1, 90);
  EXPECT_EQ(table_.lowest_cursor(100), 10U);
  far.max_lag.store(10, kRelaxed);
  EXPECT_EQ(table_.lowest_cursor(100), 90U);
  EXPECT_EQ(table_.lowest_cursor(0), 90U) << "once evicted it stays so, whatever the tail";
}

TEST_P(ReaderTableTest, HoldsAreThoseOfTheLaneSortedByOffset) {
  auto& first = page(0, 10);
  auto& second = page(1, 10);
  first.holds[7].store(Hold{0, 4096, 64}.pack(), kRelaxed);
  first.holds[8].store(Hold{1, 128, 64}.pack(), kRelaxed);
  second.holds[0].store(Hold{0, 64, 1000}.pack(), kRelaxed);
  const auto holds = table_.holds_of(0).value();
  ASSERT_EQ(holds.size(), 2U);
  EXPECT_EQ(holds[0].offset, 64U);
  EXPECT_EQ(holds[0].bytes, 1024U) << "whole units of 64";
  EXPECT_EQ(holds[1].offset, 4096U);
  EXPECT_EQ(table_.holds_of(1)->size(), 1U);
  EXPECT_TRUE(table_.holds_of(2)->empty());
  second.live.store(0, kRelaxed);
  EXPECT_EQ(table_.holds_of(0)->size(), 1U) << "holds end with their reader";
}

TEST_P(ReaderTableTest, DeadReaderIsForgottenWithItsHoldsAndItsPageFreed) {
  auto& dead = page(0, 10);
  auto& alive = page(1, 90);
  dead.owner.store(test::dead_token().bits(), kRelaxed);
  dead.holds[0].store(Hold{0, 64, 64}.pack(), kRelaxed);
  ASSERT_EQ(table_.lowest_cursor(100), 10U);
  ASSERT_EQ(table_.holds_of(0)->size(), 1U);
  EXPECT_TRUE(table_.release_dead());
  EXPECT_EQ(table_.lowest_cursor(100), 90U);
  EXPECT_TRUE(table_.holds_of(0)->empty());
  EXPECT_EQ(dead.owner.load(kRelaxed), 0U);
  EXPECT_NE(alive.owner.load(kRelaxed), 0U);
}

TEST_P(ReaderTableTest, FreeingAPageTwiceDoesNotHurtItsNextOwner) {
  auto& reader = page(0, 10);
  reader.owner.store(test::dead_token().bits(), kRelaxed);
  EXPECT_TRUE(free_reader_page(ring_->readers(), 0, test::dead_token()));
  EXPECT_EQ(reader.owner.load(kRelaxed), 0U);
  const std::uint64_t next = ring_->participants().self().bits();
  reader.owner.store(next, kRelaxed);
  EXPECT_TRUE(free_reader_page(ring_->readers(), 0, test::dead_token())) << "a slow repairer";
  EXPECT_EQ(reader.owner.load(kRelaxed), next);
  EXPECT_FALSE(free_reader_page(ring_->readers(), 7, test::dead_token())) << "no such page";
}

INSTANTIATE_TEST_SUITE_P(Kinds, ReaderTableTest, testing::Values(RingKind::one, RingKind::many),
                         [](const auto& kind) { return test::kind_name(kind.param); });

TEST(Hold, KeepsItsPartsAtTheirExtremes) {
  for (const std::uint32_t lane : {0U, 1U, kMaxPublishers - 1}) {
    for (const std::uint64_t offset : {std::uint64_t{0}, kMaxPoolBytes - 64}) {
      for (const std::uint64_t bytes : {std::uint64_t{64}, kMaxMessageBytes + 256}) {
        const Hold hold = Hold::unpack(Hold{lane, offset, bytes}.pack());
        EXPECT_EQ(hold.lane, lane);
        EXPECT_EQ(hold.offset, offset);
        EXPECT_EQ(hold.bytes, bytes);
        EXPECT_NE((Hold{lane, offset, bytes}.pack()), 0U);
      }
    }
  }
}

TEST(SlotMeta, KeepsItsPartsAtTheirExtremes) {
  for (const std::uint32_t bytes : {0U, 48U, 1U << 30}) {
    for (const bool in_pool : {false, true}) {
      const SlotMeta meta = SlotMeta::unpack(SlotMeta{bytes, in_pool, 0xFFFF, 1}.pack());
      EXPECT_EQ(meta.payload_bytes, bytes);
      EXPECT_EQ(meta.in_pool, in_pool);
      EXPECT_EQ(meta.key_hash, 0xFFFF);
      EXPECT_EQ(meta.fields, 1);
    }
  }
}

}  // namespace
}  // namespace tow::shm
