#include "operation_parts.hpp"

namespace tow::crash {

void add_taking(Operations& list, Publishers kind) {
  const auto take = [](Actor& actor) { actor.take(); };
  const auto take_and_keep = [](Actor& actor) { actor.take(true); };
  const auto release = [](Actor& actor) { actor.kept.clear(); };
  list.push_back({named("take", kind), of(kind), subscribe_oldest, take});
  list.push_back({named("take all there is", kind), of(kind), subscribe_oldest, [](Actor& actor) {
                    while (actor.take()) continue;
                  }});
  list.push_back(
      {named("hold a payload in place", kind), large(kind), subscribe_oldest, take_and_keep});
  list.push_back({named("hold a payload as a lossy subscriber", kind), large(kind), subscribe_lossy,
                  take_and_keep});
  list.push_back({named("release a payload", kind), large(kind),
                  [=](Actor& actor) {
                    subscribe_oldest(actor);
                    for (int i = 0; i < 3; ++i) actor.take(true);
                  },
                  release});
  list.push_back({named("copy a payload for want of holds", kind), large(kind),
                  [](Actor& actor) {
                    actor.subscribe({.start = Start::oldest(), .max_held = 1});
                    actor.take(true);
                  },
                  take_and_keep});
  list.push_back({named("make room that somebody waits for", kind),
                  with(full(kind), [](Stage& stage) { stage.want_room(); }), subscribe_oldest,
                  [](Actor& actor) {
                    for (std::uint64_t i = 0; i < kSlots / 4; ++i) actor.take();
                  }});
  list.push_back({named("skip a gap", kind), without_survivor(of(kind)),
                  [](Actor& actor) {
                    subscribe_lossy(actor);
                    actor.attach();
                    for (std::uint64_t i = 0; i < 2 * kSlots; ++i) actor.publish(kSmall);
                  },
                  take, 2 * kSlots});
  list.push_back({named("skip to the latest", kind), of(kind), subscribe_oldest, [](Actor& actor) {
                    const auto taken = actor.subscriber->latest();
                    if (taken) actor.check(taken);
                  }});
  list.push_back({named("sleep until a deadline", kind),
                  {.publishers = kind, .messages = 0},
                  subscribe_oldest,
                  [](Actor& actor) { (void)actor.subscriber->take(15ms); }});
}

void add_subscribing(Operations& list, Publishers kind) {
  const auto hold_one = [](Actor& actor) {
    actor.subscribe({.kind = SubscriberKind::lossy, .start = Start::oldest()});
    actor.take(true);
  };
  const auto subscribe = [](Actor& actor) { actor.subscribe(); };
  list.push_back({named("subscribe", kind), of(kind), open, subscribe});
  list.push_back({named("subscribe on a page that was left", kind),
                  with(of(kind), [](Stage& stage) { (void)stage.topic().subscriber().value(); }),
                  open, subscribe});
  list.push_back({named("subscribe on a dead one's page", kind), with_dead(large(kind), hold_one),
                  open, subscribe});
  list.push_back({named("unsubscribe", kind), of(kind), subscribe_oldest,
                  [](Actor& actor) { actor.subscriber.reset(); }});
}

}  // namespace tow::crash
