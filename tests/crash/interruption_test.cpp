// At every instruction of an operation somebody else does the worst he may; then it goes on. And
// what the harness must catch: operations that are wrong on purpose.

#include <gmock/gmock.h>

#include <cstring>

#include "harness.hpp"
#include "typed.hpp"

namespace tow::crash {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

void lap(Stage& stage) { stage.publish(kSlots + 8, kSmall); }
void lap_the_pool(Stage& stage) { stage.publish(kSlots, kLarge); }

Setting alone(Publishers kind, std::size_t bytes = kSmall) {
  return {.publishers = kind, .survivor = false, .messages = 4, .bytes = bytes};
}

std::string nothing_damaged(Stage&, const Progress& progress) {
  return progress.damaged.load() == 0 ? "" : "a payload that is no message's";
}

Interruption take_while_lapped(Publishers kind) {
  return {{"take while lapped", alone(kind),
           [](Actor& actor) {
             actor.subscribe({.kind = SubscriberKind::lossy, .start = Start::oldest()});
           },
           [](Actor& actor) {
             actor.take();
             actor.take();
           }},
          lap,
          nothing_damaged};
}

Interruption hold_while_lapped(Publishers kind) {
  return {{"hold while lapped", alone(kind, kLarge),
           [](Actor& actor) {
             actor.subscribe({.kind = SubscriberKind::lossy, .start = Start::oldest()});
           },
           [](Actor& actor) {
             actor.take(true);
             for (const auto& kept : actor.kept) actor.check(kept);
           }},
          lap_the_pool,
          nothing_damaged};
}

/// A sleeper gets ready in the midst of a publish; if he saw nothing then, he must be rung for.
Interruption arm_while_publishing(Publishers kind, std::function<void(Actor&)> publish) {
  struct Sleeper {
    std::uint32_t bell = 0;
    bool sees = false;
  };
  const auto sleeper = std::make_shared<Sleeper>();
  return {{"arm while publishing", alone(kind), attach_typed, std::move(publish), 1},
          [sleeper](Stage& stage) {
            sleeper->bell = stage.want_bell();
            sleeper->sees = stage.last_sequence() == 5;
          },
          [sleeper](Stage& stage, const Progress&) -> std::string {
            if (stage.last_sequence() != 5) return "the message is not out";
            if (sleeper->sees || stage.bell() != sleeper->bell) return "";
            return "a sleeper sleeps over a message";
          }};
}

Interruption publish_while_others_do() {
  return {{"publish while others do",
           {.publishers = Publishers::many, .messages = 4},
           [](Actor& actor) {
             actor.attach();
             actor.next = 1'000'000;
           },
           [](Actor& actor) { actor.publish(kSmall); },
           1},
          [](Stage& stage) { stage.publish(2, kSmall); },
          [](Stage& stage, const Progress&) -> std::string {
            std::uint64_t sequence = 0, ours = 0;
            while (const auto taken = stage.survivor()->try_take()) {
              if (taken.sequence() != ++sequence) return "a gap";
              if (is_text_of(taken.text(), 1'000'000)) {
                ++ours;
              } else if (!is_text_of(taken.text(), sequence) &&
                         !is_text_of(taken.text(), sequence + 1)) {
                return "damaged: " + std::string(taken.text());
              }
            }
            return sequence == 7 && ours == 1 ? "" : "not each message once";
          }};
}

/// A required subscriber comes, or reads, while the ring is filled: nothing may be missing.
Interruption fill_while(const char* name, std::function<void(Actor&)> prepare,
                        std::function<void(Actor&)> act, Publishers kind) {
  return {{name, alone(kind), std::move(prepare),
           [act = std::move(act)](Actor& actor) {
             act(actor);
             while (actor.take()) continue;
             if (actor.subscriber->lost() != 0) actor.progress->damaged.fetch_add(1);
           }},
          [](Stage& stage) { stage.fill(); },
          [](Stage&, const Progress& progress) -> std::string {
            return progress.damaged.load() == 0 ? "" : "a required subscriber misses messages";
          }};
}

Interruption repair_while_repairing(Publishers kind) {
  Setting setting{.publishers = kind, .bytes = kLarge};
  setting.meanwhile = [](Stage& stage) {
    stage.let_die([](Actor& actor) {
      actor.subscribe({.start = Start::oldest()});
      actor.attach();
      actor.publish(kSmall);
    });
  };
  return {{"adopt while others repair", setting, [](Actor& actor) { actor.open(); },
           [](Actor& actor) { actor.publisher.emplace(actor.topic->publisher().value()); }},
          [](Stage& stage) { stage.bus().heal(); },
          [](Stage& stage, const Progress&) -> std::string {
            const TopicInfo info = stage.topic().info();
            const bool fine = info.publishers.size() == 1 && info.publishers[0].process.alive &&
                              info.subscribers.size() == 1 && info.last == 6;
            return fine ? "" : "not one owner of a lane";
          }};
}

class Interrupted : public testing::TestWithParam<Publishers> {};
INSTANTIATE_TEST_SUITE_P(Each, Interrupted, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

TEST_P(Interrupted, LossySubscriberNeverTakesATornMessage) {
  EXPECT_EQ(interrupt_everywhere(take_while_lapped(GetParam())), "");
}

TEST_P(Interrupted, LossySubscribersHoldKeepsThePayload) {
  EXPECT_EQ(interrupt_everywhere(hold_while_lapped(GetParam())), "");
}

TEST_P(Interrupted, SleeperThatArmsInTheMidstOfAPublishIsRungFor) {
  EXPECT_EQ(interrupt_everywhere(arm_while_publishing(GetParam(), publish_typed)), "");
}

TEST_P(Interrupted, RequiredSubscriberMissesNothingThatComesWhileItJoins) {
  EXPECT_EQ(interrupt_everywhere(fill_while(
                "subscribe", [](Actor& actor) { actor.open(); },
                [](Actor& actor) { actor.subscribe({.start = Start::oldest()}); }, GetParam())),
            "");
}

TEST_P(Interrupted, RequiredSubscriberMissesNothingThatComesWhileItTakes) {
  const auto subscribe = [](Actor& actor) { actor.subscribe({.start = Start::oldest()}); };
  EXPECT_EQ(interrupt_everywhere(fill_while(
                "take", subscribe, [](Actor&) {}, GetParam())),
            "");
}

TEST_P(Interrupted, AdopterAndRepairerDoNotHinderEachOther) {
  EXPECT_EQ(interrupt_everywhere(repair_while_repairing(GetParam())), "");
}

TEST(Interrupted, PublishersOfManyMakeOneOrder) {
  EXPECT_EQ(interrupt_everywhere(publish_while_others_do()), "");
}

/// Names a slot before it is filled.
void claim_before_commit(Actor& actor) {
  const Typed& own = typed(actor);
  const shm::Geometry& geometry = own.ring->geometry();
  const auto lane = own.ring->map_lane(own.writer->lane(), shm::Access::read_write).value();
  const std::uint64_t sequence = actor.next, number = (sequence - 1) & (kSlots - 1);
  own.ring->index(sequence).store(geometry.index_word(sequence, own.writer->lane(), number),
                                  shm::kSeqCst);
  const std::string_view text = text_of(sequence, kSmall);
  shm::SlotLayout* const slot = lane.slot(number);
  slot->meta.store(shm::SlotMeta{.payload_bytes = kSmall}.pack(), shm::kRelaxed);
  shm::store_words(shm::LaneView::payload(slot), text.data(), kSmall);
  slot->sequence.store(sequence, shm::kRelease);
  actor.progress->published.fetch_add(1);
}

TEST(NegativeControl, ClaimBeforeCommitIsCaught) {
  const Operation broken{"claim before commit",
                         {.publishers = Publishers::many},
                         attach_typed,
                         claim_before_commit,
                         1};
  EXPECT_THAT(kill_everywhere(broken), HasSubstr("dead behind"));
}

/// Rings, then publishes: a sleeper that looks in between sleeps on.
void wake_before_commit(Actor& actor) {
  typed(actor).writer->notify();
  const std::string_view text = text_of(actor.next, kSmall);
  typed(actor).writer->append_fixed<kSmall>(text.data());
}

TEST(NegativeControl, WakeBeforeCommitIsCaught) {
  for (const Publishers kind : {Publishers::one, Publishers::many}) {
    EXPECT_THAT(interrupt_everywhere(arm_while_publishing(kind, wake_before_commit)),
                HasSubstr("a sleeper sleeps over a message"));
  }
}

/// Takes a payload in place, but never looks again once the hold is stored.
void hold_without_second_look(Actor& actor) {
  Typed& own = typed(actor);
  const auto lane = own.ring->map_lane(0, shm::Access::read_only).value();
  const auto page = own.ring->map_reader(own.reader->number(), shm::Access::read_write).value();
  const bool many = own.ring->geometry().many();
  shm::SlotLayout* const slot = lane.slot(many ? 0 : 1);
  if (slot->sequence.load(shm::kAcquire) != 1) return;
  const std::uint64_t offset = shm::LaneView::payload(slot)[0].load(shm::kRelaxed);
  if (slot->sequence.load(shm::kRelaxed) != 1) return;
  auto& hold = page.as<shm::ReaderLayout>()->holds[0];
  hold.store(shm::Hold{0, offset, kLarge}.pack(), shm::kRelease);
  const std::string_view text(reinterpret_cast<const char*>(lane.pool + offset), kLarge);
  if (!is_text_of(text, 1)) actor.progress->damaged.fetch_add(1);
  hold.store(0, shm::kRelease);
}

TEST(NegativeControl, HoldWithoutASecondLookIsCaught) {
  const auto subscribe = [](Actor& actor) {
    open_typed(actor);
    typed(actor).reader =
        shm::Reader::attach(typed(actor).ring, {.kind = shm::ReaderKind::lossy}).value();
  };
  for (const Publishers kind : {Publishers::one, Publishers::many}) {
    const Interruption broken{
        {"hold without a second look", alone(kind, kLarge), subscribe, hold_without_second_look},
        lap_the_pool,
        nothing_damaged};
    EXPECT_THAT(interrupt_everywhere(broken), HasSubstr("interrupted at"));
  }
}

}  // namespace
}  // namespace tow::crash
