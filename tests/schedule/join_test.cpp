// The join of a required reader against publishers that raise the limit [L1]-[L9].

#include <gtest/gtest.h>

#include "cases.hpp"
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

using StagePtr = std::shared_ptr<Stage>;

std::function<Scenario()> join_while_publishing(WorldOptions options, shm::StartAt start) {
  return [=] {
    const auto stage = std::make_shared<Stage>(options);
    const auto publisher = [stage] {
      for (std::uint64_t n = 1; n <= 12; ++n) {
        if (publish(*stage->writer, {1, kBefore + n}) != Append::done) break;
      }
    };
    const auto joiner = [stage, start] {
      stage->reader = stage->world.reader(1, {.start = start});
      const std::uint64_t first = stage->reader->start_sequence();
      for (std::uint64_t i = 0; i < 2; ++i) {
        const Took took = take(*stage->reader);
        if (took.take == shm::Take::message && took.note.number != first + i) {
          fail("took " + std::to_string(took.note.number));
        }
      }
    };
    const auto check = [stage] {
      const std::uint64_t first = stage->reader->next_sequence();
      const auto notes = drain(*stage->reader, first);
      for (std::size_t i = 0; i < notes.size(); ++i) {
        if (notes[i].number != first + i) fail("a message was overwritten unread");
      }
    };
    return Scenario{[stage] { stage->begin(); },
                    {publisher, joiner},
                    [stage](std::size_t) { stage->world.kill(0); },
                    check};
  };
}

constexpr Bounds kPublisherDies{.deaths = 1, .mortal = 1};
constexpr WorldOptions kMany{.kind = shm::RingKind::many};
constexpr WorldOptions kShallow{.kind = shm::RingKind::many, .slots = 32};
const std::size_t kJoinOne = add_case(
    {"join, one", kPublisherDies, join_while_publishing({}, {shm::StartAt::Kind::oldest})});
const std::size_t kJoinMany = add_case(
    {"join, many", kPublisherDies, join_while_publishing(kMany, {shm::StartAt::Kind::oldest})});
const std::size_t kJoinShallow =
    add_case({"join, shallow lane", kPublisherDies,
              join_while_publishing(kShallow, {shm::StartAt::Kind::sequence, 2})});

TEST(JoinSchedules, NothingAfterItsStartIsOverwrittenWhenARequiredReaderJoinsOnePublisher) {
  expect_to_hold(kJoinOne);
}

TEST(JoinSchedules, NothingAfterItsStartIsOverwrittenWhenARequiredReaderJoinsManyPublishers) {
  expect_to_hold(kJoinMany);
}

TEST(JoinSchedules, NothingAfterItsStartIsOverwrittenInALaneShallowerThanTheTopic) {
  expect_to_hold(kJoinShallow);
}

/// A reader has died on page 0; two claim it at once, and somebody may repair meanwhile.
std::function<Scenario()> two_claim(bool repair) {
  return [repair] {
    const auto stage = std::make_shared<Stage>(WorldOptions{.members = 5});
    const auto other = std::make_shared<std::unique_ptr<shm::Reader>>();
    const auto begin = [=] {
      other->reset();
      stage->begin();
      shm::ReaderLayout& page = stage->world.page(0);
      page.owner.store(stage->world.token(3).bits(), kRelease);
      page.kind.store(static_cast<std::uint32_t>(shm::ReaderKind::required), kRelaxed);
      page.cursor.store(kBefore + 1, kRelaxed);
      page.claim.store(1, kRelease);
      page.live.store(1, kRelease);
      stage->world.board().present[0].store(1, kRelease);
      stage->world.kill(3);
    };
    const auto free_page = [=] {
      shm::repair_topic(stage->world.directory(), stage->world.participants(4));
    };
    const auto check = [=] {
      if (stage->reader->number() == (*other)->number()) fail("two readers have one page");
      for (const std::size_t number : {0U, 1U}) {
        const shm::ReaderLayout& page = stage->world.page(number);
        if (page.live.load(kAcquire) != page.claim.load(kAcquire)) {
          fail("page " + std::to_string(number) + " of a living reader does not count");
        }
      }
    };
    std::vector<std::function<void()>> actors{[=] { stage->reader = stage->world.reader(1); },
                                              [=] { *other = stage->world.reader(2); }};
    if (repair) actors.push_back(free_page);
    return Scenario{begin, std::move(actors), {}, check};
  };
}

const std::size_t kTwoClaims = add_case({"two claims of a page", {}, two_claim(false)});
const std::size_t kClaimsAndRepair =
    add_case({"two claims and a repair", {.preemptions = 3}, two_claim(true)});

TEST(JoinSchedules, TwoReadersThatClaimThePageOfTheDeadAtOnceBothCount) {
  expect_to_hold(kTwoClaims);
}

TEST(JoinSchedules, ARepairerThatFreesThePageMeanwhileSendsNobodyAway) {
  expect_to_hold(kClaimsAndRepair);
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

std::function<Scenario()> plain_join(PlainJoiner::Order order) {
  return [order] {
    const auto stage = std::make_shared<Stage>(WorldOptions{});
    const auto joiner = std::make_shared<PlainJoiner>(stage->world, order);
    const auto publisher = [stage] {
      for (std::uint64_t n = 1; n <= 20; ++n) {
        if (publish(*stage->writer, {1, kBefore + n}) != Append::done) break;
      }
    };
    const auto begin = [stage] {
      stage->begin();
      stage->world.board().present[0].store(1, kRelease);  // the page was in use before
    };
    return Scenario{
        begin, {publisher, [joiner] { joiner->join(); }}, {}, [joiner] { joiner->check(); }};
  };
}

TEST(JoinSchedules, AJoinerThatReadsTheLimitBeforeItIsLiveLosesMessages) {
  expect_to_fail("limit before live", plain_join(PlainJoiner::Order::limit_before_live), {});
}

TEST(JoinSchedules, AJoinerWithoutAFenceLosesMessages) {
  expect_to_fail("no fence", plain_join(PlainJoiner::Order::without_fence), {});
}

TEST(JoinSchedules, APublisherThatTrustsACachedMinimumOverwritesWhatAJoinerWasPromised) {
  const auto make = [] {
    const auto stage = std::make_shared<Stage>(WorldOptions{});
    const auto joiner = std::make_shared<PlainJoiner>(stage->world, PlainJoiner::Order::right);
    // It raises the limit as it should, but it scanned long ago, found nobody, and believes that.
    const auto publisher = [stage] {
      for (std::uint64_t n = kBefore + 1; n <= kBefore + 16; ++n) {
        shm::raise_to(stage->world.order().limit, n + 3, kSeqCst);
        shm::fence(kSeqCst);
        stage->world.slot(0, n % 16).sequence.store(n | kBusy, kRelaxed);
        stage->world.slot(0, n % 16).sequence.store(n, kRelease);
      }
    };
    return Scenario{[stage] { stage->begin(); },
                    {publisher, [joiner] { joiner->join(); }},
                    {},
                    [joiner] { joiner->check(); }};
  };
  expect_to_fail("cached minimum", make, {});
}

}  // namespace
}  // namespace tow::schedule
