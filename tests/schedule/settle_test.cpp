// A settlement, others who publish a lap and more meanwhile, and who resolves it when its process
// dies: its message is out once or never, as the acked one says.

#include <gtest/gtest.h>

#include "cases.hpp"
#include "towpath/shm/text_words.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::Append;
using shm::kAcqRel;
using shm::kAcquire;
using shm::kBusy;
using shm::kRelaxed;
using shm::kRelease;
using shm::kSeqCst;
using shm::Settled;

enum Word : std::uint64_t { kReady, kStarted, kDone, kSettling };

/// The word of the one message that is acked.
shm::Atomic<std::uint64_t> word;

class Words final : public shm::SettledInputs {
 public:
  bool begin(const shm::RecordInput&, std::uint32_t) override {
    return change(kStarted, kSettling);
  }
  void undo(const shm::RecordInput&, std::uint32_t) override { change(kSettling, kStarted); }
  void finish(const shm::RecordInput&, std::uint32_t) override { change(kSettling, kDone); }
  void fail(const shm::RecordInput&, std::uint32_t) override { change(kSettling, kReady); }
  void announce() override {}

 private:
  static bool change(std::uint64_t from, std::uint64_t to) {
    return word.compare_exchange_strong(from, to, kAcqRel);
  }
};

Result<std::unique_ptr<shm::SettledInputs>> open_words(const shm::Directory&) {
  return std::unique_ptr<shm::SettledInputs>(new Words);
}

constexpr std::uint64_t kBefore = 3;
constexpr WorldOptions kWorld{
    .kind = shm::RingKind::many, .lanes = 2, .members = 5, .record = true};

class Settlement {
 public:
  World world{kWorld};
  std::unique_ptr<shm::Writer> writer, other;
  std::unique_ptr<shm::Record> record;
  std::unique_ptr<shm::Reader> reader;
  Settled settled = Settled::stale;
  std::uint64_t sent = 0;
  bool dead = false, over = false;

  void begin() {
    record.reset();
    writer.reset();
    other.reset();
    reader.reset();
    world.reset();
    word.store(kStarted, kRelaxed);
    settled = Settled::stale;
    sent = 0;
    dead = over = false;
    writer = world.writer(0);
    other = world.writer(1);
    record = world.claim_record(0);
    for (std::uint64_t n = 1; n <= kBefore; ++n) publish(*writer, {1, n});
  }
  void prepare() {
    const Note note{1, kBefore + 1};
    if (writer->prepare(&note, sizeof note) != Append::done) fail("nothing can be prepared");
  }
  void settle() {
    prepare();
    Words words;
    const shm::RecordInput input{1, kStarted};
    shm::Writer* const output = writer.get();
    settled = record->settle(words, {&input, 1}, {&output, 1}, 1, shm::Deadline::never());
    over = true;
  }
  void overtake() {
    for (std::uint64_t n = 1; n <= 18; ++n) {  // a lap, and then some
      if (publish(*other, {2, n}) != Append::done) return;
      ++sent;
    }
  }
  /// As if settle() had come to its commit point.
  void commit() {
    prepare();
    writer->enter_record("topics/topic/groups/g/records/0", 7);
    auto& layout = world.record();
    layout.id.store(7, kRelaxed);
    layout.output_count.store(1, kRelaxed);
    layout.input_count.store(1, kRelaxed);
    shm::store_text(layout.topics[0], "topic");
    layout.outputs[0].place.store(shm::RecordPlace{0, 0, writer->prepared_slot(0)}.pack(),
                                  kRelaxed);
    layout.state.store(shm::RecordWord{0, shm::RecordState::committed}.pack(), kRelease);
    word.store(kSettling, kRelaxed);
  }
  void die() {
    dead = true;
    world.kill(0);
  }
  void wait_for_the_settler() {
    wait_until([this] { return dead || over; }, "the settler's end");
  }
  void resolve(std::size_t member) {
    shm::resolve_lane(world.directory(), 0, world.participants(member), open_words);
  }
  void check() {
    if (dead) resolve(4);  // finishes what a dead resolver has begun
    const std::uint64_t is = word.load(kAcquire);
    if (is == kSettling) fail("the input stays in between");
    if (!dead && (settled != Settled::done || is != kDone)) fail("it was not settled");
    const std::uint64_t out = world.ring(4)->tail() - kBefore - sent;
    if (out > 1) fail("the message is out " + std::to_string(out) + " times");
    if (out != (is == kDone ? 1 : 0)) fail("half of it was done");
    if (world.order().pins[0].load(kAcquire) != 0) fail("a pin is left");
    if (dead && world.lane_header(0).in_record.load(kAcquire) != 0) fail("the lane is stuck");
  }
};

using Stage = std::shared_ptr<Settlement>;

Scenario scenario_of(const Stage& stage, std::vector<std::function<void()>> actors) {
  return {[stage] { stage->begin(); }, std::move(actors),
          [stage](std::size_t who) {
            if (who == 0) stage->dead = true;
            stage->world.kill(who);
          },
          [stage] { stage->check(); }};
}

Scenario settle_and_resolve() {
  const auto stage = std::make_shared<Settlement>();
  return scenario_of(stage, {[stage] { stage->settle(); }, [stage] { stage->overtake(); },
                             [stage] {
                               stage->wait_for_the_settler();
                               if (stage->dead) stage->resolve(2);
                             }});
}

/// The settler has died behind the commit point; two resolve, and another publishes.
Scenario two_resolve() {
  const auto stage = std::make_shared<Settlement>();
  const auto begin = [stage] {
    stage->begin();
    stage->commit();
    stage->die();
  };
  auto scenario =
      scenario_of(stage, {[stage] { stage->overtake(); }, [stage] { stage->resolve(2); },
                          [stage] { stage->resolve(3); }});
  scenario.begin = begin;
  scenario.died = [stage](std::size_t who) { stage->world.kill(who + 1); };
  return scenario;
}

/// Behind the commit point the message goes out while another publishes more than a lap; the
/// settler dies on the way or thereafter, and what it left is resolved at the end.
Scenario put_out_and_overtake() {
  const auto stage = std::make_shared<Settlement>();
  const auto begin = [stage] {
    stage->begin();
    stage->commit();
  };
  const auto put_out = [stage] {
    auto& out = stage->world.record().outputs[0].out;
    if (stage->writer->publish_prepared(out) == Append::damaged) fail("it cannot be put out");
  };
  auto scenario = scenario_of(stage, {put_out, [stage] { stage->overtake(); }});
  scenario.begin = begin;
  scenario.died = [stage](std::size_t) { stage->die(); };
  scenario.end = [stage, check = scenario.end] {
    if (!stage->dead) stage->die();
    check();
  };
  return scenario;
}

/// A prepared message goes out while its reader falls asleep.
Scenario publish_and_wake() {
  const auto stage = std::make_shared<Settlement>();
  const auto out = std::make_shared<shm::Atomic<std::uint64_t>>(0);
  const auto begin = [stage] {
    stage->begin();
    stage->reader = stage->world.reader(1);
    stage->prepare();
  };
  const auto publisher = [stage, out] {
    if (stage->writer->publish_prepared(*out) != Append::done) fail("no room");
    stage->writer->notify();
  };
  const auto sleeper = [stage] {
    while (take(*stage->reader).take != shm::Take::message) {
      const std::uint32_t seen = stage->reader->arm().seen;
      if (stage->reader->ready()) continue;
      wait_until([=] { return stage->world.order().doorbell.load(kAcquire) != seen; }, "the bell");
    }
  };
  return {begin, {publisher, sleeper}, {}, [] {}};
}

constexpr Bounds kSettlerDies{.preemptions = 3, .deaths = 2, .mortal = 5};
const std::size_t kSettle = add_case({"settle and resolve", kSettlerDies, settle_and_resolve});
const std::size_t kTwoResolve =
    add_case({"two resolve", {.preemptions = 3, .deaths = 1, .mortal = 6}, two_resolve});
const std::size_t kOvertaken =
    add_case({"put out and overtaken", {.deaths = 1, .mortal = 1}, put_out_and_overtake});
const std::size_t kWake = add_case({"publish what is prepared and wake", {}, publish_and_wake});

TEST(SettleSchedules, NobodySleepsOverAMessageThatWasPrepared) { expect_to_hold(kWake); }

TEST(SettleSchedules, AMessageIsOutOnceOrNeverAsWhatWasAckedSaysWhoeverDies) {
  expect_to_hold(kSettle);
}

TEST(SettleSchedules, AMessageThatIsOvertakenByALapIsOutOnce) { expect_to_hold(kOvertaken); }

TEST(SettleSchedules, OfTwoWhoResolveOnePublishesOnce) { expect_to_hold(kTwoResolve); }

/// Puts the prepared message out without a pin, or with one that is stored too late.
std::function<Scenario()> without_pin(bool late) {
  return [late] {
    const auto stage = std::make_shared<Settlement>();
    const auto settle = [stage, late] {
      stage->prepare();
      const std::uint64_t slot = stage->writer->prepared_slot(0);
      stage->writer->enter_record("topics/topic/groups/g/records/0", 7);
      auto& record = stage->world.record();
      record.id.store(7, kRelaxed);
      record.output_count.store(1, kRelaxed);
      shm::store_text(record.topics[0], "topic");
      record.outputs[0].place.store(shm::RecordPlace{0, 0, slot}.pack(), kRelaxed);
      record.state.store(shm::RecordWord{0, shm::RecordState::committed}.pack(), kRelease);
      word.store(kDone, kRelaxed);
      for (bool out = false; !out;) {
        const std::uint64_t sequence = stage->world.ring(0)->tail() + 1;
        auto& name = stage->world.ring(0)->index(sequence);
        stage->world.slot(0, slot).sequence.store(sequence, kRelease);
        std::uint64_t old = name.load(kAcquire);
        if (stage->world.geometry().lap_in(old) >= stage->world.geometry().lap_of(sequence)) {
          continue;
        }
        const std::uint64_t named = stage->world.geometry().index_word(sequence, 0, slot);
        out = name.compare_exchange_strong(old, named, kSeqCst);
        if (out && late) {
          stage->world.order().pinned[0].fetch_or(1, kRelaxed);
          stage->world.order().pins[0].store(sequence, kRelease);
          shm::fence(kSeqCst);
        }
        if (out) record.outputs[0].out.store(sequence, kRelease);
      }
      stage->settled = Settled::done;
      stage->world.order().pins[0].store(0, kRelease);
      stage->over = true;
    };
    return scenario_of(stage, {settle, [stage] { stage->overtake(); },
                               [stage] {
                                 stage->wait_for_the_settler();
                                 if (stage->dead) stage->resolve(2);
                               }});
  };
}

TEST(SettleSchedules, AMessageThatIsPutOutWithoutAPinIsOutTwice) {
  expect_to_fail("no pin", without_pin(false), kSettlerDies);
}

TEST(SettleSchedules, AMessageThatIsPinnedBehindItsExchangeIsOutTwice) {
  expect_to_fail("pinned too late", without_pin(true), kSettlerDies);
}

}  // namespace
}  // namespace tow::schedule
