// A publisher dies in mid-batch and a successor goes on: what was committed is a prefix, nobody
// sees a hole. In `many` the same with messages one by one.

#include <gtest/gtest.h>

#include "cases.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::Append;
using shm::kBusy;
using shm::kRelaxed;
using shm::kRelease;

constexpr std::uint64_t kBatch = 4, kAfter = 4;

/// Author 1 publishes a batch and may die anywhere; author 2 then adopts and publishes; a required
/// reader takes all the while.
class Succession {
 public:
  explicit Succession(const WorldOptions& options) : world(options) {}

  World world;
  std::unique_ptr<shm::Writer> first, second;
  std::unique_ptr<shm::Reader> reader;
  std::vector<Note> taken;
  std::uint64_t returned = 0;  ///< of the batch, messages that the publisher knows to be out
  bool dead = false, over = false;

  void begin() {
    first.reset();
    second.reset();
    reader.reset();
    world.reset();
    first = world.writer(0);
    for (std::uint64_t n = 1; n <= 13; ++n) publish(*first, {9, n});  // the batch goes round
    reader = world.reader(1);
    taken.clear();
    returned = 0;
    dead = over = false;
  }
  void batch() {
    std::vector<Note> notes;
    for (std::uint64_t n = 1; n <= kBatch; ++n) notes.push_back({1, n});
    const auto out = first->append_batch(reinterpret_cast<const std::byte*>(notes.data()),
                                         sizeof(Note), sizeof(Note), kBatch);
    returned = out.appended;
    over = true;
  }
  void succeed() {
    wait_for_the_first();
    if (!dead) return;
    second = world.writer(2);
    publish_second();
  }
  void wait_for_the_first() {
    wait_until([this] { return dead || over; }, "the first publisher's end");
  }
  void publish_second() {
    for (std::uint64_t n = 1; n <= kAfter; ++n) {
      if (publish(*second, {2, n}) != Append::done) fail("the successor finds no room");
    }
  }
  void read() {
    for (int i = 0; i < 6; ++i) {
      const Took took = take(*reader);
      if (took.take == shm::Take::message) taken.push_back(took.note);
    }
  }
  void check() {
    const auto rest = drain(*reader, reader->next_sequence());
    taken.insert(taken.end(), rest.begin(), rest.end());
    std::size_t prefix = 0;
    while (prefix < taken.size() && taken[prefix] == Note{1, prefix + 1}) ++prefix;
    if (prefix < returned) fail("a published message is lost");
    if (!dead) return;
    for (std::uint64_t n = 1; n <= kAfter; ++n) {
      if (prefix + n > taken.size() || taken[prefix + n - 1] != Note{2, n}) {
        fail("message " + std::to_string(n) + " of the successor is lost or out of order");
        return;
      }
    }
    if (taken.size() != prefix + kAfter) fail("messages of the dead come after the successor's");
  }
};

using Stage = std::shared_ptr<Succession>;

Scenario scenario_of(const Stage& stage, std::vector<std::function<void()>> actors) {
  return {[stage] { stage->begin(); }, std::move(actors),
          [stage](std::size_t) { stage->dead = true, stage->world.kill(0); },
          [stage] { stage->check(); },
          [stage](const void* word) { return stage->world.is_content(word) ? 2U : 0U; }};
}

std::function<Scenario()> batch_and_adoption(const WorldOptions& options) {
  return [options] {
    const auto stage = std::make_shared<Succession>(options);
    return scenario_of(stage, {[stage] { stage->batch(); }, [stage] { stage->read(); },
                               [stage] { stage->succeed(); }});
  };
}

constexpr WorldOptions kOne{}, kMany{.kind = shm::RingKind::many, .lanes = 2};
constexpr Bounds kThree{.preemptions = 3, .deaths = 1, .mortal = 1};
const std::size_t kAdoptionOne =
    add_case({"batch and adoption, one", kThree, batch_and_adoption(kOne)});
const std::size_t kAdoptionMany =
    add_case({"batch and adoption, many", kThree, batch_and_adoption(kMany)});

TEST(AdoptionSchedules, ABatchCutShortByDeathIsAPrefixAndTheSuccessorGoesOnAfterIt) {
  expect_to_hold(kAdoptionOne);
}

TEST(AdoptionSchedules, AmongManyPublishersToo) { expect_to_hold(kAdoptionMany); }

TEST(AdoptionSchedules, ABatchCommittedBackToFrontLosesMessages) {
  const auto make = [] {
    const auto stage = std::make_shared<Succession>(kOne);
    const auto back_to_front = [stage] {
      const auto slot = [&](std::uint64_t n) -> shm::SlotLayout& {
        return stage->world.slot(0, n % 16);
      };
      for (std::uint64_t n = 14; n < 14 + kBatch; ++n) {
        slot(n).sequence.store(n | kBusy, kRelaxed);
        slot(n).meta.store(shm::SlotMeta{.payload_bytes = sizeof(Note)}.pack(), kRelaxed);
        const Note note{1, n - 13};
        shm::store_words(shm::LaneView::payload(&slot(n)), &note, sizeof note);
      }
      for (std::uint64_t n = 13 + kBatch; n > 13; --n) slot(n).sequence.store(n, kRelease);
      stage->returned = kBatch;
      stage->over = true;
    };
    return scenario_of(stage,
                       {back_to_front, [stage] { stage->read(); }, [stage] { stage->succeed(); }});
  };
  expect_to_fail("back to front", make, kThree);
}

TEST(AdoptionSchedules, AnAdopterThatGoesOnAfterTheHighestSlotLeavesAHole) {
  const auto make = [] {
    const auto stage = std::make_shared<Succession>(kOne);
    const auto adopt_after_highest = [stage] {
      stage->wait_for_the_first();
      if (!stage->dead) return;
      std::uint64_t next = 0;
      for (std::uint64_t i = 0; i < 16; ++i) {
        const std::uint64_t seen = stage->world.slot(0, i).sequence.load(kRelaxed) & ~kBusy;
        next = std::max(next, seen + 1);
      }
      for (std::uint64_t n = 1; n <= kAfter; ++n, ++next) {
        shm::SlotLayout& slot = stage->world.slot(0, next % 16);
        slot.sequence.store(next | kBusy, kRelaxed);
        slot.meta.store(shm::SlotMeta{.payload_bytes = sizeof(Note)}.pack(), kRelaxed);
        const Note note{2, n};
        shm::store_words(shm::LaneView::payload(&slot), &note, sizeof note);
        slot.sequence.store(next, kRelease);
      }
    };
    return scenario_of(
        stage, {[stage] { stage->batch(); }, [stage] { stage->read(); }, adopt_after_highest});
  };
  expect_to_fail("after the highest slot", make, kThree);
}

}  // namespace
}  // namespace tow::schedule
