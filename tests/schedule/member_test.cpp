// Members come, go, and are taken for what they are: nobody who lives loses what is his, and who
// takes over sees all that his predecessor did.

#include <gtest/gtest.h>

#include <array>

#include "cases.hpp"
#include "towpath/shm/repair.hpp"
#include "world.hpp"

namespace tow::schedule {
namespace {

using shm::Append;
using shm::kAcquire;

/// One lane, and two who want it one after the other; a reader sees every message.
class Lane {
 public:
  explicit Lane(const WorldOptions& options) : world(options) {}

  World world;
  std::shared_ptr<shm::Participants> late;  ///< has not joined the bus yet
  std::shared_ptr<shm::Ring> late_ring;
  std::array<std::unique_ptr<shm::Writer>, 2> writers;
  std::unique_ptr<shm::Reader> reader;
  std::uint64_t sent = 0;
  bool dead = false, over = false;

  void begin() {
    for (auto& writer : writers) writer.reset();
    reader.reset();
    late_ring.reset();
    late.reset();
    world.reset();
    reader = world.reader(2);
    sent = 0;
    dead = over = false;
  }
  /// A member that will join while others run.
  void invite() {
    late = world.outsider();
    late_ring = shm::Ring::open(world.directory(), "schedule", late, 0600, false).value();
  }
  void attach_and_send(std::size_t who, const std::shared_ptr<shm::Ring>& ring, int count) {
    auto writer = shm::Writer::attach(ring);
    if (!writer) return;
    writers[who] = std::move(*writer);
    for (int i = 0; i < count; ++i) send(who);
  }
  void send(std::size_t who) {
    if (publish(*writers[who], {who, ++sent}) != Append::done) fail("no room");
  }
  void check() {
    const auto notes = drain(*reader, 1);
    if (notes.size() < sent) fail("a message was lost, or overwritten by a successor");
    for (std::size_t i = 0; i < notes.size(); ++i) {
      if (notes[i].number != i + 1) fail("messages are out of order");
    }
  }
};

using Stage = std::shared_ptr<Lane>;

/// The first gives the lane back; the second takes it.
std::function<Scenario()> hand_over(shm::RingKind kind) {
  return [kind] {
    const auto stage = std::make_shared<Lane>(WorldOptions{.kind = kind, .members = 4});
    const auto begin = [stage] {
      stage->begin();
      stage->writers[0] = stage->world.writer(0);
    };
    const auto first = [stage] {
      stage->send(0);
      shelter([stage] { stage->writers[0].reset(); });
    };
    const auto second = [stage] {
      const auto& owner = stage->world.lane_header(0).owner;
      wait_until([&owner] { return owner.load(kAcquire) == 0; }, "the lane");
      // The first look may still find the old owner, who lives.
      for (int i = 0; i < 4 && !stage->writers[1]; ++i) {
        stage->attach_and_send(1, stage->world.ring(1), 1);
      }
      if (!stage->writers[1]) fail("the lane was not to be had");
    };
    return Scenario{begin, {first, second}, {}, [stage] { stage->check(); }};
  };
}

/// One joins the bus and takes a lane; another asks whether it lives, to take the lane or to repair
/// the topic.
std::function<Scenario()> newcomer(bool repairs) {
  return [repairs] {
    const auto stage = std::make_shared<Lane>(WorldOptions{.members = 4});
    const auto begin = [stage] {
      stage->begin();
      stage->invite();
    };
    const auto joins = [stage] {
      if (!stage->late->join()) fail("no entry");
      stage->attach_and_send(0, stage->late_ring, 1);
    };
    const auto other = [=] {
      if (!repairs) return stage->attach_and_send(1, stage->world.ring(1), 1);
      shm::repair_topic(stage->world.directory(), stage->world.participants(1));
    };
    const auto check = [stage] {
      if (stage->writers[0] && stage->writers[1]) fail("the lane of the living was taken");
      if (!stage->writers[0] && !stage->writers[1]) fail("nobody got the lane");
      const std::uint64_t owner = stage->world.lane_header(0).owner.load(kAcquire);
      if (stage->writers[0] && owner != stage->late->self().bits()) {
        fail("the lane was taken from the living");
      }
      stage->check();
    };
    return Scenario{begin, {joins, other}, {}, check};
  };
}

/// The same with a reader's page, which another would like to claim.
Scenario new_reader() {
  const auto stage = std::make_shared<Lane>(WorldOptions{.members = 4});
  const auto second = std::make_shared<std::unique_ptr<shm::Reader>>();
  const auto begin = [=] {
    second->reset();
    stage->begin();
    stage->reader.reset();
    stage->invite();
  };
  const auto joins = [stage] {
    if (!stage->late->join()) fail("no entry");
    stage->reader = shm::Reader::attach(stage->late_ring, {}).value();
  };
  const auto check = [=] {
    if (stage->reader->number() == (*second)->number()) fail("two readers have one page");
    for (const std::uint32_t number : {0U, 1U}) {
      const shm::ReaderLayout& page = stage->world.page(number);
      if (page.live.load(kAcquire) != page.claim.load(kAcquire)) fail("a reader does not count");
    }
  };
  return {begin, {joins, [=] { *second = stage->world.reader(1); }}, {}, check};
}

/// A member dies and a third adopts its lane. Meanwhile another has ended its entry without
/// touching the lane (so that the death is known from the entry alone), or has freed the lane.
std::function<Scenario()> adopted_behind_a_repair(bool frees_lane) {
  return [frees_lane] {
    const auto stage = std::make_shared<Lane>(WorldOptions{.members = 4});
    const auto begin = [stage] {
      stage->begin();
      stage->writers[0] = stage->world.writer(0);
    };
    const auto first = [stage] {
      for (int i = 0; i < 2; ++i) stage->send(0);
      stage->over = true;
    };
    const auto wait_for_end = [stage] {
      wait_until([stage] { return stage->dead || stage->over; }, "the first one's end");
    };
    const auto repairs = [=] {
      wait_for_end();
      shm::Participants& participants = stage->world.participants(1);
      const shm::Token token = stage->world.token(0);
      if (frees_lane) {
        shm::repair_topic(stage->world.directory(), participants);
      } else if (participants.begin_repair(token)) {
        participants.end_repair(token);
      }
    };
    const auto adopts = [=] {
      wait_for_end();
      if (stage->dead) stage->attach_and_send(1, stage->world.ring(3), 1);
    };
    const auto died = [stage](std::size_t) {
      stage->dead = true;
      stage->world.kill(0);
      stage->sent = stage->world.ring(3)->tail();
    };
    return Scenario{begin, {first, repairs, adopts}, died, [stage] { stage->check(); }};
  };
}

constexpr Bounds kTail{.stale_reads = 3};  // a search for the tail looks at a word three times
const std::size_t kHandOverOne = add_case({"hand-over, one", kTail, hand_over(shm::RingKind::one)});
const std::size_t kHandOverMany =
    add_case({"hand-over, many", kTail, hand_over(shm::RingKind::many)});
const std::size_t kNewcomer = add_case({"newcomer", {}, newcomer(false)});
const std::size_t kNewcomerRepair = add_case({"newcomer and repair", {}, newcomer(true)});
const std::size_t kNewReader = add_case({"newcomer reads", {}, new_reader});
constexpr Bounds kThree{.preemptions = 3, .deaths = 1, .mortal = 1};
const std::size_t kByGeneration =
    add_case({"dead by generation", kThree, adopted_behind_a_repair(false)});
const std::size_t kRepaired =
    add_case({"repaired, then adopted", kThree, adopted_behind_a_repair(true)});

TEST(MemberSchedules, WhoTakesALaneThatWasGivenBackGoesOnBehindItsLastMessage) {
  expect_to_hold(kHandOverOne);
  expect_to_hold(kHandOverMany);
}

TEST(MemberSchedules, WhoJustJoinedIsNotTakenForDead) {
  expect_to_hold(kNewcomer);
  expect_to_hold(kNewcomerRepair);
  expect_to_hold(kNewReader);
}

TEST(MemberSchedules, WhoAdoptsBehindARepairSeesAllThatTheDeadDid) {
  expect_to_hold(kByGeneration);
  expect_to_hold(kRepaired);
}

/// A page of a reader that left is taken by another, who starts further back, while a publisher
/// scans; or a reader leaves meanwhile.
std::function<Scenario()> page_changes_hands(bool leaves) {
  return [leaves] {
    const auto stage = std::make_shared<Lane>(WorldOptions{.pool_bytes = 256, .readers = 1});
    const auto begin = [=] {
      stage->begin();
      stage->writers[0] = stage->world.writer(0);
      for (int i = 0; i < 20; ++i) {
        stage->send(0);
        take(*stage->reader);
      }
      if (!leaves) stage->reader.reset();
    };
    const auto publisher = [stage] {
      for (int i = 0; i < 9; ++i) {
        if (publish(*stage->writers[0], {0, stage->sent + 1}) != Append::done) break;
        ++stage->sent;
      }
    };
    const auto reader = [=] {
      if (leaves) shelter([stage] { stage->reader.reset(); });
      stage->reader = stage->world.reader(1, {.start = {shm::StartAt::Kind::oldest}});
    };
    const auto check = [stage] {
      const std::uint64_t first = stage->reader->next_sequence();
      for (const Note& note : drain(*stage->reader, first)) {
        if (note.number < first) fail("a message was overwritten unread");
      }
    };
    Scenario scenario{
        begin, {publisher, reader}, [stage](std::size_t) { stage->world.kill(0); }, check};
    scenario.guards = [stage](const void* word) { return stage->world.is_content(word) ? 2U : 0U; };
    return scenario;
  };
}

constexpr Bounds kPublisherDies{.deaths = 1, .mortal = 1};
const std::size_t kPageReused =
    add_case({"page of one who left", kPublisherDies, page_changes_hands(false)});
const std::size_t kPageLeft =
    add_case({"leave and join", kPublisherDies, page_changes_hands(true)});

TEST(MemberSchedules, AReaderOnThePageOfAnotherLosesNothing) {
  expect_to_hold(kPageReused);
  expect_to_hold(kPageLeft);
}

}  // namespace
}  // namespace tow::schedule
