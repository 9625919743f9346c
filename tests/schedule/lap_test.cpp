// A ring that goes round while somebody reads: copies are whole, what a required reader copies is
// not overwritten meanwhile, and who is evicted is told so.

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "cases.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::Append;

/// Two words that belong together: a copy of halves of two messages is seen as such.
Note note_of(std::uint64_t sequence) { return {sequence * 7, sequence}; }

class Track {
 public:
  explicit Track(const WorldOptions& options) : world(options) {}

  World world;
  std::unique_ptr<shm::Writer> writer, second;
  std::unique_ptr<shm::Reader> reader;

  /// `before` messages are out, of which the reader joins before the last `unread`.
  void begin(std::uint64_t before, std::uint64_t unread, shm::ReaderOptions options) {
    reader.reset();
    writer.reset();
    second.reset();
    world.reset();
    writer = world.writer(0);
    for (std::uint64_t n = 1; n <= before; ++n) {
      if (n == before - unread + 1) reader = world.reader(1, options);
      publish_one(*writer, n);
    }
    if (unread == 0) reader = world.reader(1, options);
  }
  void publish_one(shm::Writer& by, std::uint64_t n) {
    if (publish(by, note_of(n)) == Append::damaged) fail("the order is damaged");
  }
  void batch(std::uint64_t first, std::size_t count) {
    std::vector<Note> notes;
    for (std::size_t i = 0; i < count; ++i) notes.push_back(note_of(first + i));
    writer->append_batch(reinterpret_cast<const std::byte*>(notes.data()), sizeof(Note),
                         sizeof(Note), count);
  }
  void read(int count) {
    alignas(16) std::byte buffer[shm::kMaxInlineBytes];
    for (int i = 0; i < count; ++i) {
      shm::Received received;
      const shm::Take take = reader->try_take(received, buffer);
      if (take == shm::Take::damaged) fail("a message is damaged, or lost without a word");
      if (take == shm::Take::evicted) return;
      if (take != shm::Take::message) continue;
      Note note;
      std::memcpy(&note, received.data, sizeof note);
      check(note, received.sequence);
      reader->release(received.hold);
    }
  }
  void read_fixed(int count) {
    for (int i = 0; i < count; ++i) {
      Note note;
      std::uint64_t sequence = 0;
      if (reader->try_take_fixed(note, sequence) == shm::Reader::Fixed::taken) {
        check(note, sequence);
      } else {
        read(1);
      }
    }
  }

 private:
  static void check(const Note& note, std::uint64_t sequence) {
    if (note != note_of(sequence)) fail("message " + std::to_string(sequence) + " is torn");
  }
};

using Stage = std::shared_ptr<Track>;

/// Actor n is member n, and its death nobody else's concern.
std::function<void(std::size_t)> killing(const Stage& stage) {
  return [stage](std::size_t who) { stage->world.kill(who); };
}

constexpr Bounds kKills{.deaths = 1};
constexpr auto kOne = shm::RingKind::one, kMany = shm::RingKind::many;
constexpr shm::ReaderOptions kLossy{.kind = shm::ReaderKind::lossy};

/// The reader is about to take what the publisher is about to overwrite.
std::function<Scenario()> lapped(shm::RingKind kind, bool fixed, bool batch) {
  return [=] {
    const auto stage = std::make_shared<Track>(WorldOptions{.kind = kind});
    const auto publisher = [=] {
      if (batch) return stage->batch(18, 2);
      for (std::uint64_t n = 18; n <= 19; ++n) stage->publish_one(*stage->writer, n);
    };
    const auto reader = [=] { fixed ? stage->read_fixed(2) : stage->read(2); };
    return Scenario{
        [=] { stage->begin(17, 16, kLossy); }, {publisher, reader}, killing(stage), [] {}};
  };
}

/// The reader waits for what the publisher is about to write.
Scenario fresh() {
  const auto stage = std::make_shared<Track>(WorldOptions{});
  const auto publisher = [stage] {
    for (std::uint64_t n = 18; n <= 19; ++n) stage->publish_one(*stage->writer, n);
  };
  return {[stage] { stage->begin(17, 0, kLossy); },
          {publisher, [stage] { stage->read_fixed(2); }},
          killing(stage),
          [] {}};
}

/// The same as lapped(), with payloads in the pool, which messages inside the slots follow.
Scenario pool_lapped() {
  const auto stage = std::make_shared<Track>(WorldOptions{.pool_bytes = 2048});
  const auto begin = [stage] {
    stage->begin(1, 0, kLossy);
    for (std::uint64_t n = 2; n <= 17; ++n) {
      const std::array<Note, 4> payload{note_of(n)};  // larger than a slot holds
      stage->writer->append(payload.data(), sizeof payload);
    }
  };
  const auto publisher = [stage] {
    for (std::uint64_t n = 18; n <= 19; ++n) stage->publish_one(*stage->writer, n);
  };
  return {begin, {publisher, [stage] { stage->read(2); }}, killing(stage), [] {}};
}

/// A required reader takes one message of a full ring and leaves.
Scenario left_full() {
  const auto stage = std::make_shared<Track>(WorldOptions{});
  const auto leaves = [stage] {
    stage->read(1);
    shelter([stage] { stage->reader.reset(); });
  };
  const auto publisher = [stage] {
    for (std::uint64_t n = 17; n <= 19; ++n) {
      if (publish(*stage->writer, note_of(n)) != Append::done) return;
    }
  };
  Scenario scenario{
      [stage] { stage->begin(16, 16, {}); }, {publisher, leaves}, killing(stage), [] {}};
  scenario.guards = [stage](const void* word) { return stage->world.is_content(word) ? 2U : 0U; };
  return scenario;
}

/// The publisher needs the slots that a required reader is reading.
std::function<Scenario()> full(shm::RingKind kind, std::uint64_t slots) {
  return [=] {
    const auto stage = std::make_shared<Track>(WorldOptions{.kind = kind, .slots = slots});
    const auto publisher = [stage] {
      for (std::uint64_t n = 17; n <= 19; ++n) stage->publish_one(*stage->writer, n);
    };
    Scenario scenario{[=] { stage->begin(16, 16, {}); },
                      {publisher, [stage] { stage->read(5); }},
                      killing(stage),
                      [] {}};
    scenario.guards = [stage](const void* word) { return stage->world.is_content(word) ? 2U : 0U; };
    return scenario;
  };
}

/// The reader is further behind than it said it would be; whoever needs room evicts it.
std::function<Scenario()> evicted(shm::RingKind kind) {
  return [=] {
    const std::uint32_t lanes = kind == kMany ? 2 : 1;
    const auto stage = std::make_shared<Track>(WorldOptions{.kind = kind, .lanes = lanes});
    const auto begin = [=] {
      stage->begin(28, 15, {.max_lag = 8});
      if (kind == kMany) stage->second = stage->world.writer(2);
    };
    const auto publish = [stage](shm::Writer& writer, int count) {
      for (int i = 0; i < count; ++i) {
        stage->publish_one(writer, stage->world.ring(0)->tail() + 1);
      }
    };
    if (kind == kMany) {  // sequences are not known beforehand
      const auto reads = [stage] {
        for (int i = 0; i < 2; ++i) {
          alignas(16) std::byte buffer[shm::kMaxInlineBytes];
          shm::Received received;
          const shm::Take take = stage->reader->try_take(received, buffer);
          if (take == shm::Take::damaged) fail("a message is lost without a word");
        }
      };
      return Scenario{begin,
                      {[=] { schedule::publish(*stage->writer, {}); }, reads,
                       [=] {
                         for (int i = 0; i < 2; ++i) schedule::publish(*stage->second, {});
                       }},
                      {},
                      [] {}};
    }
    return Scenario{begin,
                    {[=] { publish(*stage->writer, 3); }, [stage] { stage->read(3); }},
                    killing(stage),
                    [] {}};
  };
}

const std::size_t kLapOne = add_case({"lap, one", kKills, lapped(kOne, false, false)});
const std::size_t kLapMany = add_case({"lap, many", kKills, lapped(kMany, false, false)});
const std::size_t kLapFixed = add_case({"lap, fixed size", kKills, lapped(kOne, true, false)});
const std::size_t kLapBatch = add_case({"lap, batch", kKills, lapped(kOne, false, true)});
const std::size_t kFresh = add_case({"fresh, fixed size", kKills, fresh});
const std::size_t kLapPool = add_case({"lap, pool", kKills, pool_lapped});
const std::size_t kLeftFull = add_case({"leave a full ring", kKills, left_full});
const std::size_t kFullOne = add_case({"full, one", kKills, full(kOne, 16)});
const std::size_t kFullMany = add_case({"full, many", kKills, full(kMany, 16)});
const std::size_t kFullShallow = add_case({"full, shallow lane", kKills, full(kMany, 32)});
const std::size_t kEvictOne = add_case({"eviction, one", kKills, evicted(kOne)});
const std::size_t kEvictMany = add_case({"eviction, many", {.preemptions = 3}, evicted(kMany)});

TEST(LapSchedules, ALossyReaderNeverTakesHalvesOfTwoMessages) {
  expect_to_hold(kLapOne);
  expect_to_hold(kLapMany);
  expect_to_hold(kLapFixed);
  expect_to_hold(kLapBatch);
  expect_to_hold(kLapPool);
  expect_to_hold(kFresh);
}

TEST(LapSchedules, WhatARequiredReaderCopiesIsNotOverwrittenMeanwhile) {
  expect_to_hold(kFullOne);
  expect_to_hold(kFullMany);
  expect_to_hold(kFullShallow);
  expect_to_hold(kLeftFull);
}

TEST(LapSchedules, WhoIsEvictedIsToldSoBeforeItMissesAnything) {
  expect_to_hold(kEvictOne);
  expect_to_hold(kEvictMany);
}

/// A publisher that writes over a message without saying that it is busy.
TEST(LapSchedules, APublisherThatDoesNotSayThatItIsBusyTearsMessages) {
  const auto make = [] {
    const auto stage = std::make_shared<Track>(WorldOptions{});
    const auto publisher = [stage] {
      shm::SlotLayout& slot = stage->world.slot(0, 18 % 16);
      const Note note = note_of(18);
      shm::store_words(shm::LaneView::payload(&slot), &note, sizeof note);
      slot.sequence.store(18, shm::kRelease);
    };
    return Scenario{[stage] { stage->begin(17, 16, kLossy); },
                    {publisher, [stage] { stage->read(1); }},
                    {},
                    [] {}};
  };
  expect_to_fail("no BUSY", make, {});
}

}  // namespace
}  // namespace tow::schedule
