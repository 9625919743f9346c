// Two publishers race for the index, one dies at any step, a third adopts its lane: every message
// that somebody knows to be out is there once, in its author's order, without a gap.

#include <gtest/gtest.h>

#include <array>

#include "explorer.hpp"
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
  Report explore_with(const char* name, std::vector<std::function<void()>> actors,
                      const Bounds& bounds) {
    return explore(
        name,
        {[this] { begin(); }, std::move(actors),
         [this](std::size_t who) { dead[who] = true, world.kill(who); }, [this] { check(); }},
        bounds);
  }
};

WorldOptions many_with(std::uint64_t slots) {
  return {.kind = shm::RingKind::many, .slots = slots, .lanes = 3, .members = 4};
}

TEST(IndexSchedules, TwoPublishersAndADeathAtAnyStepLoseNothing) {
  Race race(many_with(16));
  const auto report = race.explore_with(
      "index race",
      {[&] { race.publish_all(0); }, [&] { race.publish_all(1); }, [&] { race.adopt(); }},
      {.preemptions = 2, .deaths = 1, .mortal = 3, .seconds = 4});
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.deaths, 100U);
}

TEST(IndexSchedules, TheSuccessorInAShallowLaneFindsRoom) {
  Race race(many_with(32));
  const auto report = race.explore_with(
      "index race, shallow lanes",
      {[&] { race.publish_all(0); }, [&] { race.publish_all(1); }, [&] { race.adopt(); }},
      {.preemptions = 2, .deaths = 1, .mortal = 3, .seconds = 4});
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.deaths, 100U);
}

TEST(IndexSchedules, AnIndexWordWrittenBeforeItsSlotShowsWhatIsNotThere) {
  Race race(many_with(16));
  const auto index_first = [&] {
    const shm::Ring& ring = *race.world.ring(0);
    for (std::uint64_t n = 1; n <= kEach; ++n) {
      std::uint64_t t = ring.tail() + 1;
      std::uint64_t seen = ring.index(t).load(kAcquire);
      const auto word = [&] { return ring.geometry().index_word(t, 0, n - 1); };
      while (!ring.index(t).compare_exchange_strong(seen, word(), kSeqCst)) {
        seen = ring.index(++t).load(kAcquire);
      }
      shm::SlotLayout& slot = race.world.slot(0, n - 1);
      slot.sequence.store(t | kBusy, kRelaxed);
      slot.meta.store(shm::SlotMeta{.payload_bytes = sizeof(Note)}.pack(), kRelaxed);
      const Note note{0, n};
      shm::store_words(shm::LaneView::payload(&slot), &note, sizeof note);
      slot.sequence.store(t, kRelease);
      race.returned[0] = n;
    }
    race.over[0] = true;
  };
  const auto read = [&] {
    for (int i = 0; i < 4; ++i) {
      const Took took = take(*race.reader);
      if (took.take == shm::Take::message) race.taken.push_back(took.note);
    }
  };
  const auto report = race.explore_with("wrong: index before slot", {index_first, read},
                                        {.preemptions = 2, .seconds = 4});
  EXPECT_NE(report.failure, "");
}

}  // namespace
}  // namespace tow::schedule
