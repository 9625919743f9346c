// Each state in which a death leaves a settlement, resolved.

#include <gmock/gmock.h>

#include <cstdio>
#include <functional>

#include "tests/shm/settlement.hpp"
#include "tests/support/process.hpp"
#include "towpath/shm/repair.hpp"

namespace tow::shm {
namespace {

using Settlement = SettlementTest;

TEST_F(Settlement, BeforeAnyInputIsSettlingIsUndone) {
  die_at(At::begin, 0);
  EXPECT_EQ(resolve(), Resolution::over);
  EXPECT_THAT(words(), ElementsAre(started(1), started(2))) << "its consumer's repair is not ours";
  EXPECT_THAT(read(0), IsEmpty());
  expect_clean();
}

TEST_F(Settlement, BetweenTwoInputsIsUndone) {
  die_at(At::begin, 1);
  word(2).store(PlainInputs::pack(2, PlainInputs::ready), kRelaxed);  // its consumer was repaired
  EXPECT_EQ(resolve(), Resolution::over);
  expect_undone();
}

TEST_F(Settlement, BehindTheCommitPointIsDone) {
  die_committed();
  EXPECT_EQ(resolve(), Resolution::over);
  expect_done();
}

TEST_F(Settlement, ResolvedTwiceIsResolvedOnce) {
  die_committed();
  EXPECT_EQ(resolve(), Resolution::over);
  EXPECT_EQ(resolve(), Resolution::over);
  expect_done();
}

TEST_F(Settlement, WithACandidateThatWasNotNamedIsDoneOnce) {
  for (const bool pinned : {false, true}) {
    for (const std::uint64_t n : {1, 2}) word(n).store(started(n), kRelaxed);
    lanes_.clear();
    die_committed();
    put_out(0, pinned, false);
    EXPECT_EQ(resolve(), Resolution::over);
    EXPECT_THAT(words(), all(PlainInputs::done));
    EXPECT_THAT(read(0), ElementsAre("a", "b"));
    EXPECT_THAT(read(1), ElementsAre("c"));
  }
}

TEST_F(Settlement, WithAMessageThatIsOutAndNotMarkedIsDoneOnce) {
  die_committed();
  put_out(0, true, true);
  EXPECT_EQ(rings_[0]->tail(), 1U);
  EXPECT_EQ(resolve(), Resolution::over);
  expect_done();
}

TEST_F(Settlement, WhoseCandidateSomebodyElseTookIsDoneOnce) {
  die_committed();
  put_out(0, true, false);
  const auto other = Writer::attach(files_.ring("out0")).value();
  EXPECT_EQ(other->lane(), 1U);
  ASSERT_EQ(append_text(*other, "theirs"), Append::done);
  EXPECT_EQ(resolve(), Resolution::over);
  EXPECT_THAT(read(0), ElementsAre("theirs", "a", "b"));
  EXPECT_THAT(words(), all(PlainInputs::done));
}

TEST_F(Settlement, WithAllOutAndNothingAckedIsDone) {
  die_at(At::finish, 0);
  EXPECT_EQ(resolve(), Resolution::over);
  expect_done();
}

TEST_F(Settlement, WithOneInputAckedIsDone) {
  die_at(At::finish, 1);
  EXPECT_EQ(resolve(), Resolution::over);
  expect_done();
}

TEST_F(Settlement, WithTheRecordStillCommittedIsDone) {
  die_at(At::announce);
  EXPECT_EQ(resolve(), Resolution::over);
  expect_done();
}

TEST_F(Settlement, WithTheRecordFreeAndLanesStillInItIsCleared) {
  die_at(At::announce);
  record().state.store(RecordWord{}.pack(), kRelaxed);
  EXPECT_EQ(resolve(), Resolution::over);
  expect_done();
}

TEST_F(Settlement, AfterManyMoreMessagesAreOutItsOwnAreOutOnce) {
  die_committed();
  put_out(0, true, true);
  const auto other = Writer::attach(files_.ring("out0")).value();
  std::vector<std::string> seen;
  // As far as the pin lets them.
  while (true) {
    while (append_text(*other, "x") == Append::done) {
    }
    const auto more = read(0);
    if (more.empty()) break;
    seen.insert(seen.end(), more.begin(), more.end());
  }
  EXPECT_EQ(rings_[0]->tail(), 16U);
  EXPECT_EQ(resolve(), Resolution::over);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(append_text(*other, "y"), Append::done) << i;
    const auto more = read(0);
    seen.insert(seen.end(), more.begin(), more.end());
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "a"), 1);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "b"), 1);
  EXPECT_THAT(read(1), ElementsAre("c"));
}

TEST_F(Settlement, WaitsWhereAnOutputFindsNoRoomAndIsFinishedLater) {
  die_committed();
  const auto other = Writer::attach(files_.ring("out1")).value();
  std::size_t filled = 0;
  while (append_text(*other, "x") == Append::done) ++filled;
  EXPECT_EQ(resolve(), Resolution::waiting);
  EXPECT_THAT(read(0), ElementsAre("a")) << "what found room";
  EXPECT_EQ(rings_[0]->order().pins[0].load(kRelaxed), 0U);
  EXPECT_EQ(rings_[1]->order().pins[0].load(kRelaxed), 0U);
  EXPECT_EQ(repair_topic(files_.topic("out0"), *files_.participants()).waiting, 1U);
  EXPECT_NE(Writer::attach(files_.ring("out1")).value()->lane(), 0U) << "not to be adopted yet";
  EXPECT_EQ(read(1).size(), filled);
  EXPECT_EQ(resolve(), Resolution::over);
  EXPECT_THAT(words(), all(PlainInputs::done));
  EXPECT_THAT(read(0), ElementsAre("b"));
  EXPECT_THAT(read(1), ElementsAre("c"));
  readers_.clear();
}

TEST_F(Settlement, IsResolvedByWhoRepairsItsLanes) {
  die_committed();
  for (const char* const topic : {"out0", "out1"}) {
    EXPECT_EQ(resolve_lane(files_.topic(topic), 0, *files_.participants(), BusFiles::open_inputs),
              Resolution::over);
  }
  expect_done();
}

TEST_F(Settlement, WhoseRecordIsGoneLeavesLanesAndPinsFree) {
  die_committed();
  put_out(0, true, false);
  const auto gone = files_.topic_path(".removed-1");
  ASSERT_EQ(rename(files_.topic_path("in").c_str(), gone.c_str()), 0);
  EXPECT_EQ(repair_topic(files_.topic("out0"), *files_.participants()).lanes, 1U);
  EXPECT_EQ(repair_topic(files_.topic("out1"), *files_.participants()).lanes, 1U);
  file_ = Segment();
  EXPECT_THAT(read(0), IsEmpty());
  expect_clean();
}

TEST_F(Settlement, WhoseRecordIsAboutAnotherOneByNowIsClearedFromItsLanes) {
  die_at(At::begin, 0);
  record().id.fetch_add(1, kRelaxed);
  record().owner.store(files_.participants()->self().bits(), kRelaxed);  // of somebody who lives
  EXPECT_EQ(repair_topic(files_.topic("out0"), *files_.participants()).lanes, 1U);
  EXPECT_EQ(lanes_[0].header()->in_record.load(kRelaxed), 0U);
  EXPECT_EQ(lanes_[0].header()->owner.load(kRelaxed), 0U);
}

TEST_F(Settlement, PublishesTheRestWhenOneOfItsTopicsIsRemoved) {
  die_committed();
  const auto gone = files_.topic_path(".removed-1");
  ASSERT_EQ(rename(files_.topic_path("out1").c_str(), gone.c_str()), 0);
  EXPECT_EQ(resolve(), Resolution::over);
  EXPECT_THAT(words(), all(PlainInputs::done));
  EXPECT_THAT(read(0), ElementsAre("a", "b"));
  EXPECT_THAT(read(1), IsEmpty());
  EXPECT_EQ(record().outputs[1].out.load(kRelaxed), kOutputVoid);
}

TEST_F(Settlement, ResolvedBySeveralAtOnceIsDoneOnce) {
  for (int round = 0; round < 10; ++round) {
    for (const std::uint64_t n : {1, 2}) word(n).store(started(n), kRelaxed);
    lanes_.clear();
    die_committed();
    if (round % 2 == 0) put_out(0, true, true);
    std::vector<test::Child> resolvers;
    for (int i = 0; i < 3; ++i) resolvers.emplace_back([&] { resolve(); });
    for (test::Child& resolver : resolvers) EXPECT_EQ(resolver.wait(), 0);
    ASSERT_THAT(read(0), ElementsAre("a", "b"));
    ASSERT_THAT(read(1), ElementsAre("c"));
    ASSERT_EQ(resolve(), Resolution::over);
    ASSERT_EQ(lanes_[0].header()->in_record.load(kRelaxed), 0U);
  }
}

/// Words at which somebody else takes the settlement over: the settler only seems dead.
class TakenOver final : public SettledInputs {
 public:
  TakenOver(SettledInputs& words, std::function<void()> take_over)
      : words_(words), take_over_(std::move(take_over)) {}
  bool begin(const RecordInput& input, std::uint32_t settler) override {
    const bool begun = words_.begin(input, settler);
    if (input.sequence == 2) take_over_();
    return begun;
  }
  void undo(const RecordInput&, std::uint32_t) override {}
  void finish(const RecordInput& input, std::uint32_t settler) override {
    words_.finish(input, settler);
  }
  void fail(const RecordInput&, std::uint32_t) override {}
  void announce() override {}

 private:
  SettledInputs& words_;
  std::function<void()> take_over_;
};

TEST_F(Settlement, ThatWasTakenOverIsNoLongerDecidedByItsOwner) {
  const auto self = files_.participants();
  const auto writer = Writer::attach(files_.ring("out0", self)).value();
  const auto settling =
      Record::claim(files_.bus(), BusFiles::group(), 0, self, 0600, BusFiles::open_inputs).value();
  ASSERT_EQ(writer->prepare("a", 1), Append::done);
  const auto words = BusFiles::open_inputs(files_.bus()).value();
  TakenOver taken(*words, [&] {
    file_ = Segment::open(Directory::open(files_.topic_path("in/groups/g/records")).value(), "0",
                          SegmentKind::record, Access::read_write)
                .value();
    record().owner.store(dead_token().bits(), kRelaxed);
    EXPECT_EQ(resolve(), Resolution::over);
  });
  const RecordInput inputs[] = {{1, started(1)}, {2, started(2)}};
  Writer* const outputs[] = {writer.get()};
  EXPECT_EQ(settling->settle(taken, inputs, outputs, kSettler, Deadline::never()), Settled::stale);
  EXPECT_THAT(this->words(), all(PlainInputs::ready));
  EXPECT_THAT(read(0), IsEmpty());
  EXPECT_EQ(append_text(*writer, "x"), Append::prepared);
}

TEST(RecordPath, LeadsToRecordsOnly) {
  const BusFiles files(0);
  const auto participants = files.participants();
  for (const char* const path :
       {"", "/", "topics/in/groups/g/records", "topics/in/groups/g/records/", "topics/in/groups/g",
        "topics/../groups/g/records/0", "topics/in/groups/../records/0", "/etc/passwd",
        "topics/in/lanes/g/records/0", "topics//groups/g/records/0"}) {
    EXPECT_EQ(resolve_record(files.bus(), path, *participants, BusFiles::open_inputs),
              Resolution::over)
        << path;
  }
}

TEST(RecordPath, OutsideABusProvesNothing) {
  const test::TempDir place;
  const BusFiles files(0);
  EXPECT_EQ(resolve_record(place.open(), files.record_path(), *files.participants()),
            Resolution::blocked);
}

}  // namespace
}  // namespace tow::shm
