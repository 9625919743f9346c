// Two publishers race for the index, one dies at any step, a third adopts its lane: every message
// that somebody knows to be out is there once, in its author's order, without a gap.

#include <gtest/gtest.h>

#include <array>

#include "cases.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::Append;
using shm::kAcquire;
using shm::kBusy;
using shm::kRelaxed;
using shm::kRelease;
using shm::kSeqCst;

constexpr std::uint64_t kEach = 2;

class Race {
 public:
  explicit Race(const WorldOptions& options) : world(options) {}

  World world;
  std::array<std::unique_ptr<shm::Writer>, 3> writers;
  std::unique_ptr<shm::Reader> reader;
  std::array<std::uint64_t, 3> returned{};
  std::array<bool, 2> dead{}, over{};
  std::vector<Note> taken;

  void begin() {
    for (auto& writer : writers) writer.reset();
    reader.reset();
    world.reset();
    for (std::size_t i = 0; i < 2; ++i) writers[i] = world.writer(i);
    reader = world.reader(3);
    returned = {};
    dead = over = {};
    taken.clear();
  }
  void publish_all(std::size_t author) {
    for (std::uint64_t n = 1; n <= kEach; ++n) {
      if (publish(*writers[author], {author, n}) != Append::done) fail("no room");
      returned[author] = n;
    }
    if (author < 2) over[author] = true;
  }
  void adopt() {
    wait_until([this] { return dead[0] || dead[1] || (over[0] && over[1]); }, "a death");
    if (!dead[0] && !dead[1]) return;
    writers[2] = world.writer(2);
    if (writers[2]->lane() != (dead[0] ? 0 : 1)) fail("the lane of the dead was not adopted");
    publish_all(2);
  }
  void check() {
    const auto rest = drain(*reader, reader->next_sequence());
    taken.insert(taken.end(), rest.begin(), rest.end());
    std::array<std::uint64_t, 3> seen{};
    for (const Note& note : taken) {
      if (note.author > 2 || note.number != ++seen[note.author]) {
        fail("author " + std::to_string(note.author) + ": message " + std::to_string(note.number) +
             " out of order");
        return;
      }
    }
    for (std::size_t author = 0; author < 3; ++author) {
      if (seen[author] < returned[author]) fail("a published message is lost");
      if (seen[author] > returned[author] + 1) fail("a message came from nowhere");
    }
  }
};

Scenario scenario_of(const std::shared_ptr<Race>& race, std::vector<std::function<void()>> actors) {
  return {[race] { race->begin(); }, std::move(actors),
          [race](std::size_t who) { race->dead[who] = true, race->world.kill(who); },
          [race] { race->check(); }};
}

WorldOptions many_with(std::uint64_t slots) {
  return {.kind = shm::RingKind::many, .slots = slots, .lanes = 3, .members = 4};
}

std::function<Scenario()> two_publishers(std::uint64_t slots, bool adopted) {
  return [=] {
    const auto race = std::make_shared<Race>(many_with(slots));
    std::vector<std::function<void()>> actors{[race] { race->publish_all(0); },
                                              [race] { race->publish_all(1); }};
    if (adopted) actors.push_back([race] { race->adopt(); });
    return scenario_of(race, std::move(actors));
  };
}

constexpr Bounds kTwo{.deaths = 1}, kThree{.preemptions = 3, .deaths = 1, .mortal = 3};
const std::size_t kIndexRace = add_case({"index race", kTwo, two_publishers(16, false)});
const std::size_t kIndexAdopted =
    add_case({"index race, adopted", kThree, two_publishers(16, true)});
const std::size_t kIndexShallow =
    add_case({"index race, shallow lanes", kThree, two_publishers(32, true)});

TEST(IndexSchedules, TwoPublishersAndADeathAtAnyStepLoseNothing) {
  expect_to_hold(kIndexRace);
  expect_to_hold(kIndexAdopted);
}

TEST(IndexSchedules, TheSuccessorInAShallowLaneFindsRoom) { expect_to_hold(kIndexShallow); }

TEST(IndexSchedules, AnIndexWordWrittenBeforeItsSlotShowsWhatIsNotThere) {
  const auto make = [] {
    const auto race = std::make_shared<Race>(many_with(16));
    const auto index_first = [race] {
      const shm::Ring& ring = *race->world.ring(0);
      for (std::uint64_t n = 1; n <= kEach; ++n) {
        std::uint64_t t = ring.tail() + 1;
        std::uint64_t seen = ring.index(t).load(kAcquire);
        const auto word = [&] { return ring.geometry().index_word(t, 0, n - 1); };
        while (!ring.index(t).compare_exchange_strong(seen, word(), kSeqCst)) {
          seen = ring.index(++t).load(kAcquire);
        }
        shm::SlotLayout& slot = race->world.slot(0, n - 1);
        slot.sequence.store(t | kBusy, kRelaxed);
        slot.meta.store(shm::SlotMeta{.payload_bytes = sizeof(Note)}.pack(), kRelaxed);
        const Note note{0, n};
        shm::store_words(shm::LaneView::payload(&slot), &note, sizeof note);
        slot.sequence.store(t, kRelease);
        race->returned[0] = n;
      }
      race->over[0] = true;
    };
    const auto read = [race] {
      for (int i = 0; i < 4; ++i) {
        const Took took = take(*race->reader);
        if (took.take == shm::Take::message) race->taken.push_back(took.note);
      }
    };
    return scenario_of(race, {index_first, read});
  };
  expect_to_fail("index before slot", make, {});
}

}  // namespace
}  // namespace tow::schedule
