#include "operation_parts.hpp"

namespace tow::crash {

void add_publishing(Operations& list, Publishers kind) {
  const auto publish_small = [](Actor& actor) { actor.publish(kSmall); };
  const auto publish_large = [](Actor& actor) { actor.publish(kLarge); };
  list.push_back({named("publish", kind), of(kind), attach, publish_small, 1});
  list.push_back({named("publish with a key", kind), of(kind), attach,
                  [](Actor& actor) { actor.publish(kSmall, {.key = "key"}); }, 1});
  list.push_back({named("publish the second and third", kind), of(kind),
                  [](Actor& actor) {
                    actor.attach();
                    actor.publish(kSmall);
                  },
                  [](Actor& actor) {
                    actor.publish(kSmall);
                    actor.publish(kSmall);
                  },
                  3});
  list.push_back({named("publish from the pool", kind), of(kind), attach, publish_large, 1});
  list.push_back({named("publish from the pool with a key", kind), of(kind), attach,
                  [](Actor& actor) { actor.publish(kLarge, {.key = "key"}); }, 1});
  list.push_back({named("publish a loan", kind), of(kind), attach,
                  [](Actor& actor) {
                    actor.loan.emplace(actor.publisher->loan(kLarge).value());
                    const std::string_view text = text_of(actor.next, kLarge);
                    actor.loan->copy_from(std::as_bytes(std::span(text)));
                    actor.publisher->publish(std::move(*actor.loan)).value();
                    actor.progress->published.fetch_add(1);
                  },
                  1});
  list.push_back({named("give a loan back", kind), of(kind), attach, [](Actor& actor) {
                    actor.loan.emplace(actor.publisher->loan(kLarge).value());
                    actor.loan->fill(std::byte{'x'});
                    actor.loan.reset();
                  }});
  list.push_back({named("publish a batch", kind), of(kind), attach,
                  [](Actor& actor) { actor.batch(5, kSmall); }, 5});
  list.push_back({named("publish a batch from the pool", kind), of(kind), attach,
                  [](Actor& actor) { actor.batch(2, kLarge); }, 2});
  list.push_back({named("publish and wake a sleeper", kind), with_sleeper(of(kind)), attach,
                  publish_small, 1});
  list.push_back({named("publish behind a change of wake mode", kind), of(kind),
                  [](Actor& actor) {
                    actor.attach();
                    actor.publish(kSmall);
                    actor.publish(kSmall);
                  },
                  publish_small, 3});
}

void add_attributes(Operations& list, Publishers kind) {
  const auto prepare = [](Actor& actor) {
    actor.attach();
    (void)all_attributes();  // made before the first step
  };
  list.push_back({named("publish with all attributes", kind), of(kind), prepare,
                  [](Actor& actor) { actor.publish(kSmall, all_attributes()); }, 1});
  constexpr std::size_t kOdd = 27;  // so that what follows the payload begins within a word
  list.push_back({named("publish with a key behind an odd size", kind), of(kind), prepare,
                  [](Actor& actor) { actor.publish(kOdd, {.key = all_attributes().key}); }, 1});
  list.push_back({named("publish a loan with more attributes than it has room for", kind), of(kind),
                  prepare,
                  [](Actor& actor) {
                    actor.loan.emplace(actor.publisher->loan(kLarge).value());
                    const std::string_view text = text_of(actor.next, kLarge);
                    actor.loan->copy_from(std::as_bytes(std::span(text)));
                    actor.publisher->publish(std::move(*actor.loan), all_attributes()).value();
                    actor.progress->published.fetch_add(1);
                  },
                  1});
}

/// Publishing where room has to be made first.
void add_pressure(Operations& list, Publishers kind) {
  const auto publish_small = [](Actor& actor) { actor.publish(kSmall); };
  const auto publish_large = [](Actor& actor) { actor.publish(kLarge); };
  list.push_back({named("publish and evict a subscriber", kind),
                  with(without_survivor({.publishers = kind, .messages = 0}),
                       [](Stage& stage) {
                         stage.add_laggard();
                         stage.publish(8, kSmall);
                       }),
                  attach, publish_small, 1});
  list.push_back({named("publish and reclaim pool memory", kind),
                  with(large(kind, 8), [](Stage& stage) { stage.read_all(); }), attach_hasty,
                  publish_large, 1});
  if (kind == Publishers::one) {  // the copy is the same in both
    list.push_back({"publish by string instructions",
                    {.publishers = kind, .messages = 0},
                    attach,
                    [](Actor& actor) { actor.publish(4096); },
                    1});
  }
  list.push_back({named("publish and recycle warm memory", kind),
                  with({.publishers = kind, .messages = 2, .bytes = kWarm},
                       [](Stage& stage) { stage.read_all(); }),
                  attach_hasty,
                  [](Actor& actor) {
                    actor.publish(kWarm);
                    actor.publish(kWarm);
                  },
                  2});
  if (kind == Publishers::many) {
    list.push_back({"publish in a lane shallower than its topic",
                    without_survivor({.publishers = kind, .messages = 20, .lane_depth = 12}),
                    attach,
                    [](Actor& actor) {
                      for (int i = 0; i < 5; ++i) actor.publish(kSmall);
                    },
                    5});
  }
  list.push_back({named("publish past a dead subscriber", kind),
                  with_dead(without_survivor({.publishers = kind, .messages = 0}),
                            [](Actor& actor) {
                              actor.subscribe();
                              actor.attach();
                              for (std::uint64_t i = 0; i < kSlots; ++i) actor.publish(kSmall);
                            }),
                  open,
                  [](Actor& actor) {
                    actor.publisher.emplace(actor.topic->publisher().value());
                    actor.next = kSlots + 1;
                    actor.publish(kSmall);
                  },
                  1});
}

/// Publishing where there is no room.
void add_waiting(Operations& list, Publishers kind) {
  const auto publish_small = [](Actor& actor) { actor.publish(kSmall); };
  list.push_back({named("wait for room", kind), full(kind),
                  [](Actor& actor) { actor.attach({.wait_at_most = 15ms}); }, publish_small, 1});
  list.push_back({named("find no room", kind), full(kind), attach_hasty, publish_small, 1});
  list.push_back({named("drop for lack of room", kind), full(kind),
                  [](Actor& actor) { actor.attach({.when_full = WhenFull::drop}); },
                  [](Actor& actor) { (void)actor.publisher->publish(text_of(0, kSmall)); }});
  list.push_back({named("wait for subscribers", kind), of(kind), open,
                  [](Actor& actor) { (void)actor.topic->wait_for_subscribers(4, 15ms); }});
}

}  // namespace tow::crash
