// The join of a required reader against publishers that raise the limit [L1]-[L9].

#include <gtest/gtest.h>

#include "explorer.hpp"
#include "towpath/shm/repair.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::Append;
using shm::kAcquire;
using shm::kBusy;
using shm::kRelaxed;
using shm::kRelease;
using shm::kSeqCst;

constexpr std::uint64_t kBefore = 21;  // the ring is full once over, the limit is near

/// The ring as both actors find it: nobody reads, `kBefore` messages are out.
struct Stage {
  explicit Stage(const WorldOptions& options) : world(options) {}
  void begin() {
    reader.reset();
    writer.reset();
    world.reset();
    writer = world.writer(0);
    for (std::uint64_t n = 1; n <= kBefore; ++n) publish(*writer, {1, n});
  }
  World world;
  std::unique_ptr<shm::Writer> writer;
  std::unique_ptr<shm::Reader> reader;
};

Report join_while_publishing(const char* name, WorldOptions options, shm::StartAt start,
                             int kept_back) {
  Stage stage(options);
  const auto publisher = [&] {
    for (std::uint64_t n = 1; n <= 12; ++n) {
      if (publish(*stage.writer, {1, kBefore + n}) != Append::done) break;
    }
  };
  const auto joiner = [&] {
    stage.reader = stage.world.reader(1, {.start = start});
    const std::uint64_t first = stage.reader->start_sequence();
    for (std::uint64_t i = 0; i < 2; ++i) {
      const Took took = take(*stage.reader);
      if (took.take == shm::Take::message && took.note.number != first + i) {
        fail("took " + std::to_string(took.note.number));
      }
    }
  };
  const auto check = [&] {
    const std::uint64_t first = stage.reader->next_sequence();
    const auto notes = drain(*stage.reader, first);
    for (std::size_t i = 0; i < notes.size(); ++i) {
      if (notes[i].number != first + i) fail("a message was overwritten unread");
    }
  };
  return explore(name, {[&] { stage.begin(); }, {publisher, joiner}, {}, check},
                 {.preemptions = 3, .kept_back = kept_back, .seconds = 4});
}

TEST(JoinSchedules, NothingAfterItsStartIsOverwrittenWhenARequiredReaderJoinsOnePublisher) {
  const auto report = join_while_publishing("join, one", {}, {shm::StartAt::Kind::oldest}, 1);
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.schedules, 100U);
}

TEST(JoinSchedules, NothingAfterItsStartIsOverwrittenWhenARequiredReaderJoinsManyPublishers) {
  const auto report = join_while_publishing("join, many", {.kind = shm::RingKind::many},
                                            {shm::StartAt::Kind::oldest}, 1);
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.schedules, 100U);
}

TEST(JoinSchedules, NothingAfterItsStartIsOverwrittenInALaneShallowerThanTheTopic) {
  const auto report =
      join_while_publishing("join, shallow lane", {.kind = shm::RingKind::many, .slots = 32},
                            {shm::StartAt::Kind::sequence, 2}, 1);
  EXPECT_EQ(report.failure, "");
  EXPECT_GT(report.schedules, 100U);
}

/// A reader has died on page 0; two claim it at once while a publisher wants to overwrite.
Report two_claim(const char* name, bool repair) {
  Stage stage({.members = 5});
  std::unique_ptr<shm::Reader> other;
  const auto begin = [&] {
    other.reset();
    stage.begin();
    shm::ReaderLayout& page = stage.world.page(0);
    page.owner.store(stage.world.token(3).bits(), kRelease);
    page.kind.store(static_cast<std::uint32_t>(shm::ReaderKind::required), kRelaxed);
    page.cursor.store(kBefore + 1, kRelaxed);
    page.claim.store(1, kRelease);
    page.live.store(1, kRelease);
    stage.world.board().present[0].store(1, kRelease);
    stage.world.kill(3);
  };
  const auto free_page = [&] {
    if (repair) shm::repair_topic(stage.world.directory(), stage.world.participants(4));
  };
  const auto check = [&] {
    if (stage.reader->number() == other->number()) fail("two readers have one page");
    for (const std::size_t number : {0U, 1U}) {
      const shm::ReaderLayout& page = stage.world.page(number);
      if (page.live.load(kAcquire) != page.claim.load(kAcquire)) {
        fail("page " + std::to_string(number) + " of a living reader does not count");
      }
    }
  };
  return explore(name,
                 {begin,
                  {[&] { stage.reader = stage.world.reader(1); },
                   [&] { other = stage.world.reader(2); }, free_page},
                  {},
                  check},
                 {.preemptions = 2, .seconds = 4});
}

TEST(JoinSchedules, TwoReadersThatClaimThePageOfTheDeadAtOnceBothCount) {
  EXPECT_EQ(two_claim("two claims of a page", false).failure, "");
}

TEST(JoinSchedules, ARepairerThatFreesThePageMeanwhileSendsNobodyAway) {
  EXPECT_EQ(two_claim("two claims and a repair", true).failure, "");
}

/// A joiner in plain stores, right or wrong, and then one look at the message it is entitled to.
class PlainJoiner {
 public:
  enum class Order : std::uint8_t { right, limit_before_live, without_fence };
  PlainJoiner(World& world, Order order) : world_(world), order_(order) {}

  void join() {
    shm::ReaderLayout& page = world_.page(0);
    page.owner.store(world_.token(1).bits(), kRelease);
    page.kind.store(static_cast<std::uint32_t>(shm::ReaderKind::required), kRelaxed);
    page.claim.store(1, kRelease);
    const std::uint64_t wanted = world_.ring(1)->oldest();
    page.cursor.store(wanted, kRelaxed);
    std::uint64_t limit = 0;
    if (order_ == Order::limit_before_live) limit = world_.order().limit.load(kSeqCst);
    world_.board().present[0].fetch_or(1, kRelease);
    page.live.store(1, kRelease);
    if (order_ != Order::without_fence) shm::fence(kSeqCst);
    if (order_ != Order::limit_before_live) limit = world_.order().limit.load(kSeqCst);
    const std::uint64_t slots = world_.geometry().slot_count();
    start_ = std::max(wanted, limit > slots ? limit - slots + 1 : 1);
    page.cursor.store(start_, kRelease);
  }
  /// After everybody has stopped: is the message at `start_` still there?
  void check() const {
    const std::uint64_t seen = world_.slot(0, start_ % 16).sequence.load(kAcquire) & ~kBusy;
    if (seen > start_) fail("message " + std::to_string(start_) + " was overwritten unread");
  }

 private:
  World& world_;
  Order order_;
  std::uint64_t start_ = 0;
};

Report plain_join(const char* name, PlainJoiner::Order order, int kept_back) {
  Stage stage({});
  const auto publisher = [&] {
    for (std::uint64_t n = 1; n <= 20; ++n) {
      if (publish(*stage.writer, {1, kBefore + n}) != Append::done) break;
    }
  };
  std::unique_ptr<PlainJoiner> joiner;
  const auto begin = [&] {
    stage.begin();
    stage.world.board().present[0].store(1, kRelease);  // the page was in use before
    joiner = std::make_unique<PlainJoiner>(stage.world, order);
  };
  return explore(name, {begin, {publisher, [&] { joiner->join(); }}, {}, [&] { joiner->check(); }},
                 {.preemptions = 2, .kept_back = kept_back, .seconds = 4});
}

TEST(JoinSchedules, APlainJoinerInTheRightOrderLosesNothing) {
  EXPECT_EQ(plain_join("plain join", PlainJoiner::Order::right, 1).failure, "");
}

TEST(JoinSchedules, AJoinerThatReadsTheLimitBeforeItIsLiveLosesMessages) {
  EXPECT_NE(
      plain_join("wrong: limit before live", PlainJoiner::Order::limit_before_live, 0).failure, "");
}

TEST(JoinSchedules, AJoinerWithoutAFenceLosesMessages) {
  EXPECT_NE(plain_join("wrong: no fence", PlainJoiner::Order::without_fence, 1).failure, "");
}

TEST(JoinSchedules, APublisherThatTrustsACachedMinimumOverwritesWhatAJoinerWasPromised) {
  Stage stage({});
  // It raises the limit as it should, but it scanned long ago, found nobody, and believes that.
  const auto publisher = [&] {
    for (std::uint64_t n = kBefore + 1; n <= kBefore + 16; ++n) {
      shm::raise_to(stage.world.order().limit, n + 3, kSeqCst);
      shm::fence(kSeqCst);
      stage.world.slot(0, n % 16).sequence.store(n | kBusy, kRelaxed);
      stage.world.slot(0, n % 16).sequence.store(n, kRelease);
    }
  };
  PlainJoiner joiner(stage.world, PlainJoiner::Order::right);
  const auto report = explore(
      "wrong: cached minimum",
      {[&] { stage.begin(); }, {publisher, [&] { joiner.join(); }}, {}, [&] { joiner.check(); }},
      {.preemptions = 2, .seconds = 4});
  EXPECT_NE(report.failure, "");
}

}  // namespace
}  // namespace tow::schedule
