#include "towpath/shm/ring.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <random>

#include "tests/support/process.hpp"
#include "tests/support/ring_files.hpp"

namespace tow::shm {
namespace {

using test::RingFiles;
using test::small_geometry;
using testing::HasSubstr;

struct Fault {
  const char* name;
  std::function<void(GeometryLayout&)> make;
  const char* text;
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

const std::vector<Fault>& faults() {
  static const std::vector<Fault> all{
      {"kind", [](auto& raw) { raw.kind = 3; }, "one or many"},
      {"slot_size", [](auto& raw) { raw.slot_bytes = 96; }, "64, 128 or 256"},
      {"odd_depth", [](auto& raw) { raw.slot_count = 17; }, "16 to 4194304"},
      {"no_depth", [](auto& raw) { raw.slot_count = 0; }, "16 to 4194304"},
      {"shallow", [](auto& raw) { raw.slot_count = 8; }, "16 to 4194304"},
      {"too_deep", [](auto& raw) { raw.slot_count = 16ULL << 20; }, "16 to 4194304"},
      {"lane_above_order", [](auto& raw) { raw.lane_slot_count = 32; }, "lane depth"},
      {"odd_lane", [](auto& raw) { raw.lane_slot_count = 15; }, "lane depth"},
      {"no_message", [](auto& raw) { raw.max_message_bytes = 0; }, "1 GiB"},
      {"huge_message", [](auto& raw) { raw.max_message_bytes = (1ULL << 30) + 1; }, "1 GiB"},
      {"odd_pool", [](auto& raw) { raw.pool_bytes = 65; }, "multiple of 64"},
      {"huge_pool", [](auto& raw) { raw.pool_bytes = kMaxPoolBytes + 64; }, "16 GiB"},
      {"small_pool", [](auto& raw) { raw.pool_bytes = 1024; }, "smaller than the largest"},
      {"no_publisher", [](auto& raw) { raw.max_publishers = 0; }, "publishers must"},
      {"publishers", [](auto& raw) { raw.max_publishers = 1025; }, "publishers must"},
      {"no_subscriber", [](auto& raw) { raw.max_subscribers = 0; }, "subscribers must"},
      {"subscribers", [](auto& raw) { raw.max_subscribers = 1025; }, "subscribers must"},
      {"stamps", [](auto& raw) { raw.stamp_shift = 17; }, "stamps"},
  };
  return all;
}

class GeometryFault : public testing::TestWithParam<Fault> {};

TEST_P(GeometryFault, IsAnErrorThatSaysWhatIsAllowed) {
  GeometryLayout raw = small_geometry(RingKind::many);
  GetParam().make(raw);
  const auto checked = Geometry::checked(raw, "topic x");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error(), Code::invalid_argument);
  EXPECT_THAT(checked.error().message(), HasSubstr("topic x: "));
  EXPECT_THAT(checked.error().message(), HasSubstr(GetParam().text));
}

TEST_P(GeometryFault, InAFileMakesTheTopicCorruptNotTheProgramCrash) {
  const RingFiles files(RingKind::many);
  GeometryLayout raw = small_geometry(RingKind::many);
  GetParam().make(raw);
  test::overwrite(files.topic_path() + "/order", offsetof(OrderLayout, geometry), raw);
  const auto opened = files.try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), Code::corrupt);
  EXPECT_THAT(opened.error().message(), HasSubstr("order"));
  EXPECT_THAT(opened.error().message(), HasSubstr("remove the topic"));
}

INSTANTIATE_TEST_SUITE_P(EachField, GeometryFault, testing::ValuesIn(faults()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Geometry, OnePublisherHasALaneAsDeepAsTheTopic) {
  GeometryLayout raw = small_geometry(RingKind::one, 64);
  raw.lane_slot_count = 16;
  EXPECT_FALSE(Geometry::checked(raw, "x"));
}

TEST(Geometry, PartsOfALaneDoNotOverlap) {
  for (const std::uint32_t slot_bytes : {64U, 128U, 256U}) {
    for (const std::uint32_t shift : {0U, 6U, kNoStamps}) {
      GeometryLayout raw = small_geometry(RingKind::many, 256);
      raw.slot_bytes = slot_bytes;
      raw.stamp_shift = shift;
      const auto geometry = Geometry::checked(raw, "x").value();
      EXPECT_EQ(geometry.slots_offset(), sizeof(LaneLayout));
      EXPECT_EQ(geometry.stamps_offset(), sizeof(LaneLayout) + 256 * slot_bytes);
      EXPECT_GE(geometry.pool_offset(), geometry.stamps_offset() + 8 * geometry.stamp_count());
      EXPECT_EQ(geometry.pool_offset() % kPage, 0U);
      EXPECT_EQ(geometry.lane_file_bytes(), geometry.pool_offset() + raw.pool_bytes);
    }
  }
}

struct Extreme {
  std::uint64_t slots, lane_slots;
  std::uint32_t publishers;
};

class IndexWord : public testing::TestWithParam<Extreme> {};

TEST_P(IndexWord, GivesBackLapLaneAndSlotAndDiffersFromAllOtherLaps) {
  GeometryLayout raw = small_geometry(RingKind::many);
  raw.slot_count = GetParam().slots;
  raw.lane_slot_count = GetParam().lane_slots;
  raw.max_publishers = GetParam().publishers;
  const auto geometry = Geometry::checked(raw, "x").value();
  const std::uint64_t slots = raw.slot_count;
  const std::uint64_t laps = (1ULL << 31) - 2;  // lap 0 means "never written"
  for (const std::uint64_t lap : {std::uint64_t{0}, std::uint64_t{1}, laps / 2, laps}) {
    for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{1}, slots - 1}) {
      for (const std::uint32_t lane : {0U, raw.max_publishers / 2, raw.max_publishers - 1}) {
        for (const std::uint64_t slot : {std::uint64_t{0}, raw.lane_slot_count - 1}) {
          const std::uint64_t sequence = lap * slots + at;
          const std::uint64_t word = geometry.index_word(sequence, lane, slot);
          EXPECT_NE(word, 0U);
          EXPECT_EQ(geometry.lap_of(sequence), lap + 1);
          EXPECT_EQ(geometry.lap_in(word), lap + 1);
          EXPECT_EQ(geometry.lane_in(word), lane);
          EXPECT_EQ(geometry.slot_in(word), slot);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Extremes, IndexWord,
                         testing::Values(Extreme{8ULL << 20, 8ULL << 20, 1024},
                                         Extreme{8ULL << 20, 16, 1024}, Extreme{16, 16, 1},
                                         Extreme{16, 16, 1024}, Extreme{8ULL << 20, 8ULL << 20, 1},
                                         Extreme{1024, 64, 3}));

/// A topic whose words are written by hand: `tail` messages were committed.
class HandMadeOrder {
 public:
  HandMadeOrder(RingKind kind, std::uint64_t slots) : files_(small_geometry(kind, slots)) {
    ring_ = files_.open();
    lane_ = ring_->map_lane(0, Access::read_write).value();
  }
  void set(std::uint64_t tail, std::uint64_t limit) {
    const std::uint64_t slots = files_.geometry().slot_count();
    for (std::uint64_t at = 0; at < slots; ++at) write(at, 0);
    for (std::uint64_t n = tail > slots ? tail - slots + 1 : 1; n <= tail; ++n) commit(n);
    ring_->order().limit.store(limit, kRelaxed);
  }
  /// The next message is being written, or prepared.
  void begin(std::uint64_t sequence) {
    lane_.slot(sequence & (files_.geometry().slot_count() - 1))
        ->sequence.store(sequence | kBusy, kRelaxed);
  }
  /// The payload of a message was reclaimed by its publisher.
  void reclaim(std::uint64_t sequence) {
    const bool many = files_.geometry().many();
    const std::uint64_t slots = files_.geometry().slot_count();
    lane_.slot(sequence & (slots - 1))
        ->sequence.store((many ? sequence : sequence + slots) | kBusy, kRelaxed);
  }
  const Ring& ring() const { return *ring_; }

 private:
  void commit(std::uint64_t n) {
    const std::uint64_t at = n & (files_.geometry().slot_count() - 1);
    write(at, n);
    if (!files_.geometry().many()) return;
    ring_->index(n).store(files_.geometry().index_word(n, 0, at), kRelaxed);
  }
  void write(std::uint64_t at, std::uint64_t sequence) {
    lane_.slot(at)->sequence.store(sequence, kRelaxed);
    if (files_.geometry().many() && sequence == 0) ring_->index(at).store(0, kRelaxed);
  }
  RingFiles files_;
  std::shared_ptr<Ring> ring_;
  LaneView lane_;
};

class TailSearch : public testing::TestWithParam<RingKind> {};

TEST_P(TailSearch, AgreesWithTheModelInRandomStates) {
  const unsigned seed = 20'26;
  std::cout << "seed " << seed << '\n';
  std::mt19937_64 random(seed);
  for (const std::uint64_t slots : {16ULL, 64ULL, 256ULL}) {
    HandMadeOrder order(GetParam(), slots);
    for (int round = 0; round < 300; ++round) {
      const std::uint64_t tail = random() % (round % 3 == 0 ? slots : 5 * slots);
      const std::uint64_t limit = tail + random() % (slots + 1);
      order.set(tail, limit);
      if (random() % 2 == 0) order.begin(tail + 1);
      if (tail != 0 && random() % 4 == 0) order.reclaim(tail - random() % std::min(tail, slots));
      ASSERT_EQ(order.ring().tail(), tail) << "limit " << limit << ", slots " << slots;
      const std::uint64_t known = tail - random() % (std::min(tail, slots) + 1);
      ASSERT_EQ(order.ring().tail_from(known), tail) << "from " << known;
      ASSERT_EQ(order.ring().published(tail + 1), false);
      ASSERT_LE(order.ring().oldest(), tail + 1);
      ASSERT_GE(order.ring().oldest() + slots, tail + 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TailSearch, testing::Values(RingKind::one, RingKind::many),
                         [](const auto& kind) { return test::kind_name(kind.param); });

class RingOpening : public testing::TestWithParam<RingKind> {
 protected:
  const RingFiles files_{GetParam()};

  void expect_refused(const std::string& file, Code code) {
    const auto opened = files_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), code) << opened.error().message();
    EXPECT_THAT(opened.error().message(), HasSubstr(file));
  }
};

TEST_P(RingOpening, RefusesTruncatedForeignAndMissingFilesByName) {
  const RingFiles fresh(GetParam());
  for (const char* const file : {"order", "readers/board"}) {
    const std::string path = files_.topic_path() + "/" + file;
    const auto restore = [&] {
      std::filesystem::remove(path);
      std::filesystem::copy_file(fresh.topic_path() + "/" + file, path);
    };
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - kPage);
    expect_refused(file, Code::corrupt);
    restore();  // and now one whose header agrees with its length, but too small for its kind
    test::overwrite(path, offsetof(SegmentLayout, file_bytes), std::uint64_t{64});
    std::filesystem::resize_file(path, 64);
    expect_refused(file, Code::corrupt);
    restore();
    test::overwrite(path, 0, std::uint64_t{0});
    expect_refused(file, Code::half_made);
    std::filesystem::remove(path);
    expect_refused(file, Code::not_found);
    restore();
    EXPECT_TRUE(files_.try_open());
  }
}

TEST_P(RingOpening, RefusesALaneThatDoesNotFitItsTopic) {
  const RingFiles deeper(small_geometry(GetParam(), 1024));
  const std::string lane = deeper.topic_path() + "/lanes/0";
  std::filesystem::remove(lane);
  std::filesystem::copy_file(files_.topic_path() + "/lanes/0", lane);
  const auto opened = deeper.try_open();
  const auto attached = opened ? Writer::attach(*opened) : opened.error();
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error(), Code::corrupt);
  EXPECT_THAT(attached.error().message(), HasSubstr("lanes/0"));
}

TEST_P(RingOpening, MakesTheFirstLaneThatADeadCreatorLeftOut) {
  std::filesystem::remove(files_.topic_path() + "/lanes/0");
  const auto writer = files_.writer();
  EXPECT_EQ(test::append_text(*writer, "a"), Append::done);
}

TEST_P(RingOpening, CreationGoesOnWhereADeadCreatorStopped) {
  const test::TempDir place;
  for (const char* const folder : {"/topic", "/topic/lanes"}) {
    ASSERT_EQ(mkdir((place.path() + folder).c_str(), 0700), 0);
  }
  const auto directory = Directory::open(place.path() + "/topic").value();
  EXPECT_TRUE(Ring::create(directory, files_.geometry(), 0600));
  const auto again = Ring::create(directory, files_.geometry(), 0600);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), Code::already_exists);
  EXPECT_THAT(test::tree_of(place.path()),
              testing::ElementsAre("topic", "topic/lanes", "topic/lanes/0", "topic/order",
                                   "topic/readers", "topic/readers/board"));
}

TEST_P(RingOpening, ObserverMapsForReadingAndMakesNothing) {
  const auto before = test::tree_of(files_.topic_path());
  const auto ring = files_.try_open(true).value();
  EXPECT_FALSE(ring->can_publish());
  EXPECT_FALSE(ring->can_subscribe());
  EXPECT_EQ(Writer::attach(ring).error(), Code::no_permission);
  EXPECT_EQ(Reader::attach(ring, {}).error(), Code::no_permission);
  EXPECT_TRUE(Reader::observe(ring, {}) != nullptr);
  EXPECT_EQ(test::tree_of(files_.topic_path()), before);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RingOpening, testing::Values(RingKind::one, RingKind::many),
                         [](const auto& kind) { return test::kind_name(kind.param); });

}  // namespace
}  // namespace tow::shm
