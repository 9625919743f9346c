#include "towpath/shm/repair.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/ring_files.hpp"

namespace tow::shm {
namespace {

using test::Child;
using test::RingFiles;
using test::Shared;

/// A process with a publisher and a subscriber, killed once both are there.
void die_with_both(const RingFiles& files) {
  const Shared<std::atomic<bool>> ready;
  Child child([&] {
    const auto ring = files.open();
    const auto writer = Writer::attach(ring).value();
    const auto reader = Reader::attach(ring, {}).value();
    *ready = true;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return ready->load(); }));
  child.kill();
}

class Repair : public testing::TestWithParam<RingKind> {
 protected:
  const RingFiles files_{GetParam()};
};

TEST_P(Repair, FreesWhatTheDeadOwnedOnceAndNothingTwice) {
  die_with_both(files_);
  const auto participants = files_.participants();
  const auto ring = files_.open();
  const std::uint32_t doorbell = ring->order().doorbell.load(kRelaxed);
  const std::uint32_t room_bell = ring->board().room_bell.load(kRelaxed);
  const Repaired first = repair_topic(files_.topic(), *participants);
  EXPECT_EQ(first.lanes, 1U);
  EXPECT_EQ(first.readers, 1U);
  EXPECT_NE(ring->order().doorbell.load(kRelaxed), doorbell) << "a wake-up may have been lost";
  EXPECT_NE(ring->board().room_bell.load(kRelaxed), room_bell);
  const Repaired second = repair_topic(files_.topic(), *participants);
  EXPECT_EQ(second.lanes + second.readers, 0U);
}

TEST_P(Repair, LeavesTheLivingAlone) {
  const auto ring = files_.open();
  const auto writer = Writer::attach(ring).value();
  const auto reader = Reader::attach(ring, {}).value();
  const Repaired repaired = repair_topic(files_.topic(), *files_.participants());
  EXPECT_EQ(repaired.lanes + repaired.readers, 0U);
  EXPECT_EQ(test::append_text(*writer, "x"), Append::done);
  EXPECT_EQ(test::take_from(*reader).sequence, 1U);
}

struct Tally {
  std::atomic<int> ready{0};
  std::atomic<std::uint32_t> lanes{0}, readers{0};
};

TEST_P(Repair, SeveralAtOnceFreeEachThingExactlyOnce) {
  for (int round = 0; round < 10; ++round) {
    die_with_both(files_);
    const Shared<Tally> tally;
    std::vector<Child> repairers;
    for (int i = 0; i < 3; ++i) {
      repairers.emplace_back([&] {
        const auto participants = files_.participants();
        ++tally->ready;
        ASSERT_TRUE(test::eventually([&] { return tally->ready == 3; }));
        const Repaired repaired = repair_topic(files_.topic(), *participants);
        tally->lanes += repaired.lanes;
        tally->readers += repaired.readers;
      });
    }
    for (Child& repairer : repairers) EXPECT_EQ(repairer.wait(), 0);
    EXPECT_EQ(tally->lanes, 1U);
    EXPECT_EQ(tally->readers, 1U);
  }
}

TEST_P(Repair, RingingATopicRingsBothBells) {
  const auto ring = files_.open();
  const std::uint32_t doorbell = ring->order().doorbell.load(kRelaxed);
  const std::uint32_t room_bell = ring->board().room_bell.load(kRelaxed);
  ring_topic(files_.topic());
  EXPECT_EQ(ring->order().doorbell.load(kRelaxed), doorbell + 1);
  EXPECT_EQ(ring->board().room_bell.load(kRelaxed), room_bell + 1);
}

TEST_P(Repair, OfWhatIsNoTopicDoesNothing) {
  const test::TempDir place;
  const Repaired repaired = repair_topic(place.open(), *files_.participants());
  EXPECT_EQ(repaired.lanes + repaired.readers, 0U);
}

TEST_P(Repair, SkipsFilesThatAreNotWhatTheyShouldBe) {
  die_with_both(files_);
  test::overwrite(files_.topic_path() + "/lanes/0", 0, std::uint64_t{42});
  const Repaired repaired = repair_topic(files_.topic(), *files_.participants());
  EXPECT_EQ(repaired.lanes, 0U);
  EXPECT_EQ(repaired.readers, 1U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Repair, testing::Values(RingKind::one, RingKind::many),
                         [](const auto& kind) { return test::kind_name(kind.param); });

}  // namespace
}  // namespace tow::shm
