// Settlements of the living; those of the dead are in resolve_test.cpp.

#include "towpath/shm/record.hpp"

#include "tests/shm/settlement.hpp"

namespace tow::shm {
namespace {

using Settlement = SettlementTest;

TEST_F(Settlement, AcksAllAndPublishesAll) {
  ASSERT_EQ(settle(), Settled::done);
  EXPECT_EQ(sequence_of_last_, 2U);
  for (const auto& ring : rings_) {
    lanes_.push_back(ring->map_lane(0, Access::read_write).value());
  }
  expect_done();
}

TEST_F(Settlement, OneAfterTheOtherGoesThroughTheSameRecordAndLanes) {
  for (int i = 0; i < 50; ++i) {
    for (const std::uint64_t n : {1, 2}) word(n).store(started(n), kRelaxed);
    ASSERT_EQ(settle(), Settled::done);
    ASSERT_THAT(words(), all(PlainInputs::done));
    ASSERT_THAT(read(0), ElementsAre("a", "b"));
    ASSERT_THAT(read(1), ElementsAre("c"));
  }
}

TEST_F(Settlement, OfALostLeaseDoesNothing) {
  word(2).store(PlainInputs::pack(2, PlainInputs::started, kSettler + 1), kRelaxed);
  EXPECT_EQ(settle(), Settled::lease_lost);
  EXPECT_THAT(words(),
              ElementsAre(started(1), PlainInputs::pack(2, PlainInputs::started, kSettler + 1)));
  EXPECT_THAT(read(0), IsEmpty());
  EXPECT_THAT(read(1), IsEmpty());
  word(2).store(started(2), kRelaxed);
  EXPECT_EQ(settle(), Settled::done) << "nothing is left in the way of the next";
}

TEST_F(Settlement, WithoutRoomInTimeDoesNothing) {
  const auto other = Writer::attach(files_.ring("out1")).value();
  while (append_text(*other, "x") == Append::done) {
  }
  EXPECT_EQ(settle(At::never, 0, Deadline::after(std::chrono::milliseconds(1))),
            Settled::timed_out);
  EXPECT_THAT(words(), ElementsAre(started(1), started(2)));
  EXPECT_THAT(read(0), IsEmpty());
}

TEST_F(Settlement, ClaimedByTheLivingIsNobodyElses) {
  const auto record = Record::claim(files_.bus(), BusFiles::group(), 0, files_.participants(), 0600,
                                    BusFiles::open_inputs);
  ASSERT_TRUE(record);
  const auto second = Record::claim(files_.bus(), BusFiles::group(), 0, files_.participants(), 0600,
                                    BusFiles::open_inputs);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), Code::already_exists);
  EXPECT_EQ(resolve(), Resolution::blocked);
}

TEST_F(Settlement, OfADeadMessageLeavesItDeadWhenItsMoverDies) {
  const std::uint64_t dead = PlainInputs::pack(1, PlainInputs::dead, 2);
  word(1).store(dead, kRelaxed);
  {
    const auto self = files_.participants();
    const auto writer = Writer::attach(files_.ring("out0", self)).value();
    const auto record =
        Record::claim(files_.bus(), BusFiles::group(), 0, self, 0600, BusFiles::open_inputs)
            .value();
    ASSERT_EQ(writer->prepare("a", 1), Append::done);
    const auto words = BusFiles::open_inputs(files_.bus()).value();
    MortalInputs mortal(*words, At::begin, 1);
    const RecordInput inputs[] = {{1, dead}, {2, started(2)}};
    Writer* const outputs[] = {writer.get()};
    EXPECT_THROW((void)record->settle(mortal, inputs, outputs, 9, Deadline::never()), Killed);
  }
  EXPECT_EQ(word(1).load(kRelaxed), PlainInputs::pack(1, PlainInputs::settling, 9));
  EXPECT_EQ(resolve(), Resolution::over);
  EXPECT_EQ(word(1).load(kRelaxed), dead);
}

}  // namespace
}  // namespace tow::shm
