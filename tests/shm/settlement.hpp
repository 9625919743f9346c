#pragma once
/// A settlement of two inputs and three outputs on two topics: done, or left by the dead.

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/support/bus_files.hpp"
#include "towpath/shm/record.hpp"

namespace tow::shm {

using test::append_text;
using test::BusFiles;
using test::dead_token;
using test::PlainInputs;
using test::take_from;
using testing::ElementsAre;
using testing::IsEmpty;

inline constexpr std::uint32_t kSettler = 3;

/// Stands for a death: thrown where a process would have been killed.
struct Killed {};

/// Words whose owner is killed at the n-th call of one kind.
class MortalInputs final : public SettledInputs {
 public:
  enum class At : std::uint8_t { never, begin, finish, announce };
  MortalInputs(SettledInputs& words, At at, int calls) : words_(words), at_(at), calls_(calls) {}
  bool begin(const RecordInput& input, std::uint32_t settler) override {
    die(At::begin);
    return words_.begin(input, settler);
  }
  void undo(const RecordInput& input, std::uint32_t settler) override {
    words_.undo(input, settler);
  }
  void finish(const RecordInput& input, std::uint32_t settler) override {
    die(At::finish);
    words_.finish(input, settler);
  }
  void fail(const RecordInput& input, std::uint32_t settler) override {
    words_.fail(input, settler);
  }
  void announce() override {
    die(At::announce);
    words_.announce();
  }

 private:
  void die(At at) {
    if (at == at_ && calls_-- == 0) throw Killed{};
  }
  SettledInputs& words_;
  At at_;
  int calls_;
};

class SettlementTest : public testing::Test {
 protected:
  using At = MortalInputs::At;

  SettlementTest() {
    for (const std::uint64_t n : {1, 2}) word(n).store(started(n), kRelaxed);
    for (int i = 0; i < 2; ++i) {
      rings_.push_back(files_.ring("out" + std::to_string(i)));
      readers_.push_back(files_.reader("out" + std::to_string(i)));
    }
  }

  static std::uint64_t started(std::uint64_t n) {
    return PlainInputs::pack(n, PlainInputs::started, kSettler);
  }
  static Atomic<std::uint64_t>& word(std::uint64_t n) { return BusFiles::words().word[n % 64]; }
  static std::vector<std::uint64_t> words() {
    return {word(1).load(kRelaxed), word(2).load(kRelaxed)};
  }
  static auto all(PlainInputs::State state, std::uint32_t who = 0) {
    return ElementsAre(PlainInputs::pack(1, state, who), PlainInputs::pack(2, state, who));
  }

  /// Acks messages 1 and 2 and publishes "a" and a large "b" to out0 and "c" to out1.
  Settled settle(At at = At::never, int calls = 0, Deadline deadline = Deadline::never()) {
    const auto self = files_.participants();
    const auto first = Writer::attach(files_.ring("out0", self)).value();
    const auto second = Writer::attach(files_.ring("out1", self)).value();
    const auto record =
        Record::claim(files_.bus(), BusFiles::group(), 0, self, 0600, BusFiles::open_inputs)
            .value();
    if (first->prepare("a", 1) != Append::done || second->prepare("c", 1) != Append::done ||
        first->prepare(large_.data(), static_cast<std::uint32_t>(large_.size())) != Append::done) {
      throw std::runtime_error("nothing could be prepared");
    }
    const auto words = BusFiles::open_inputs(files_.bus()).value();
    MortalInputs mortal(*words, at, calls);
    const RecordInput inputs[] = {{1, started(1)}, {2, started(2)}};
    Writer* const outputs[] = {first.get(), second.get(), first.get()};
    const Settled settled = record->settle(mortal, inputs, outputs, kSettler, deadline);
    if (settled == Settled::done) sequence_of_last_ = record->sequence_of(2).value();
    return settled;
  }
  /// The same by somebody who dies; his lanes and his record name the dead.
  void die_at(At at, int calls = 0) {
    EXPECT_THROW(settle(at, calls), Killed);
    for (const auto& ring : rings_) {
      lanes_.push_back(ring->map_lane(0, Access::read_write).value());
      lanes_.back().header()->owner.store(dead_token().bits(), kRelaxed);
    }
    file_ = Segment::open(Directory::open(files_.topic_path("in/groups/g/records")).value(), "0",
                          SegmentKind::record, Access::read_write)
                .value();
    record().owner.store(dead_token().bits(), kRelaxed);
  }
  /// Somebody has died at the commit point, before anything was published.
  void die_committed() {
    die_at(At::begin, 1);  // one of two words is SETTLING
    word(2).store(PlainInputs::pack(2, PlainInputs::settling, kSettler), kRelaxed);
    RecordWord state = RecordWord::unpack(record().state.load(kRelaxed));
    state.state = RecordState::committed;
    record().state.store(state.pack(), kRelaxed);
  }
  RecordLayout& record() { return *file_.as<RecordLayout>(); }
  RecordPlace place(std::size_t i) {
    return RecordPlace::unpack(record().outputs[i].place.load(kRelaxed));
  }
  std::size_t topic_of(std::size_t i) { return i == 1 ? 1 : 0; }
  SlotLayout& slot_of(std::size_t i) { return *lanes_[topic_of(i)].slot(place(i).slot); }
  Atomic<std::uint64_t>& pin_of(std::size_t i) { return rings_[topic_of(i)]->order().pins[0]; }
  /// As the dead left output i: a candidate in its slot, perhaps pinned, perhaps named.
  void put_out(std::size_t i, bool pinned, bool named) {
    const Ring& ring = *rings_[topic_of(i)];
    const std::uint64_t sequence = ring.tail() + 1;
    slot_of(i).sequence.store(sequence, kRelaxed);
    if (pinned) {
      ring.order().pinned[0].fetch_or(1, kRelaxed);
      pin_of(i).store(sequence, kRelaxed);
    }
    if (named) {
      ring.index(sequence).store(ring.geometry().index_word(sequence, 0, place(i).slot), kRelaxed);
    }
  }

  Resolution resolve() {
    return resolve_record(files_.bus(), files_.record_path(), *files_.participants(),
                          BusFiles::open_inputs);
  }
  /// Everything that is to be read, in topic i; large texts by their first letter.
  std::vector<std::string> read(std::size_t i) {
    std::vector<std::string> texts;
    while (true) {
      const auto took = take_from(*readers_[i]);
      if (took.take != Take::message) break;
      EXPECT_EQ(took.missed, 0U);
      texts.push_back(took.payload == large_ ? "b" : took.payload);
    }
    return texts;
  }
  /// Lanes, pins and record are as if nothing had ever happened, and no memory is missing.
  void expect_clean() {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      EXPECT_EQ(lanes_[i].header()->in_record.load(kRelaxed), 0U) << i;
      EXPECT_EQ(lanes_[i].header()->owner.load(kRelaxed), 0U) << i;
      EXPECT_EQ(rings_[i]->order().pins[0].load(kRelaxed), 0U) << i;
      readers_[i].reset();
      const auto heir = Writer::attach(files_.ring("out" + std::to_string(i))).value();
      EXPECT_EQ(heir->lane(), 0U);
      for (int n = 0; n < 40; ++n) {
        ASSERT_EQ(append_text(*heir, std::string(16'000, 'z')), Append::done) << "a leak " << n;
      }
    }
    if (!file_) return;
    EXPECT_EQ(record().owner.load(kRelaxed), 0U);
    EXPECT_EQ(RecordWord::unpack(record().state.load(kRelaxed)).state, RecordState::free);
  }
  void expect_done() {
    EXPECT_THAT(words(), all(PlainInputs::done));
    EXPECT_THAT(read(0), ElementsAre("a", "b"));
    EXPECT_THAT(read(1), ElementsAre("c"));
    expect_clean();
  }
  void expect_undone() {
    EXPECT_THAT(words(), all(PlainInputs::ready));
    EXPECT_THAT(read(0), IsEmpty());
    EXPECT_THAT(read(1), IsEmpty());
    expect_clean();
  }

  const BusFiles files_{2};
  const std::string large_ = std::string(9'000, 'b');
  std::vector<std::shared_ptr<Ring>> rings_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<LaneView> lanes_;
  Segment file_;
  std::uint64_t sequence_of_last_ = 0;
};

}  // namespace tow::shm
