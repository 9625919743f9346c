#include "operations.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/io_context.hpp>

#include "daemon/src/bus_watch.hpp"
#include "typed.hpp"

namespace tow::crash {
namespace {

using namespace std::chrono_literals;
using Operations = std::vector<Operation>;

/// So large that the pool holds but a few, and too small for string instructions.
constexpr std::size_t kWarm = 1700;

void nothing(Actor&) {}
void open(Actor& actor) { actor.open(); }
void attach(Actor& actor) { actor.attach(); }
void attach_hasty(Actor& actor) { actor.attach({.when_full = WhenFull::fail}); }
void subscribe_oldest(Actor& actor) { actor.subscribe({.start = Start::oldest()}); }
void subscribe_lossy(Actor& actor) {
  actor.subscribe({.delivery = Delivery::lossy, .start = Start::oldest()});
}

std::string named(const char* name, Publishers kind) {
  return std::string(name) + (kind == Publishers::one ? ", one" : ", many");
}

Setting of(Publishers kind) { return {.publishers = kind}; }

Setting large(Publishers kind, std::uint64_t messages = 4) {
  return {.publishers = kind, .messages = messages, .bytes = kLarge};
}

Setting with(Setting setting, std::function<void(Stage&)> more) {
  setting.more = std::move(more);
  return setting;
}

/// With somebody who lives while the child gets ready, and then is dead.
Setting with_dead(Setting setting, std::function<void(Actor&)> life) {
  setting.meanwhile = [life = std::move(life)](Stage& stage) { stage.let_die(life); };
  return setting;
}

Setting without_survivor(Setting setting) {
  setting.survivor = false;
  return setting;
}

/// As many messages as the ring holds, none of them read by the survivor.
Setting full(Publishers kind) { return {.publishers = kind, .messages = kSlots}; }

void add_membership(Operations& list) {
  list.push_back({"create a bus", {.bus = false}, nothing, [](Actor& actor) {
                    actor.bus.emplace(Bus::open(actor.path).value());
                  }});
  list.push_back({"join", {}, nothing, [](Actor& actor) {
                    actor.bus.emplace(Bus::open(actor.path).value());
                  }});
  list.push_back({"leave",
                  {},
                  [](Actor& actor) { actor.bus.emplace(Bus::open(actor.path).value()); },
                  [](Actor& actor) { actor.bus.reset(); }});
  list.push_back({"remove a bus", with(without_survivor({}), [](Stage& stage) { stage.leave(); }),
                  nothing, [](Actor& actor) { Bus::remove(actor.path).value(); }, 0, true});
}

void add_topics(Operations& list, Publishers kind) {
  list.push_back(
      {named("create a topic", kind),
       {.publishers = kind, .topic = false},
       [](Actor& actor) { actor.bus.emplace(Bus::open(actor.path).value()); },
       [](Actor& actor) { actor.topic.emplace(actor.bus->topic(kTopic, actor.options).value()); }});
  list.push_back(
      {named("open a topic", kind), of(kind),
       [](Actor& actor) { actor.bus.emplace(Bus::open(actor.path).value()); },
       [](Actor& actor) { actor.topic.emplace(actor.bus->topic(kTopic, actor.options).value()); }});
  list.push_back({named("remove a topic", kind), of(kind),
                  [](Actor& actor) { actor.bus.emplace(Bus::open(actor.path).value()); },
                  [](Actor& actor) { actor.bus->remove_topic(kTopic).value(); }, 0, true});
}

void add_publishers(Operations& list, Publishers kind) {
  if (kind == Publishers::many) {
    list.push_back(
        {"become the second publisher",
         {.publishers = kind, .meanwhile = [](Stage& stage) { stage.add_publisher(); }},
         open,
         [](Actor& actor) { actor.publisher.emplace(actor.topic->publisher().value()); }});
  }
  const auto publish_both_sizes = [](Actor& actor) {
    actor.attach();
    actor.publish(kSmall);
    actor.publish(kLarge);
  };
  const auto attach_only = [](Actor& actor) {
    actor.publisher.emplace(actor.topic->publisher().value());
  };
  list.push_back({named("become a publisher", kind), of(kind), open, attach_only});
  list.push_back({named("adopt a dead publisher's lane", kind),
                  with_dead(of(kind), publish_both_sizes), open, attach_only});
  list.push_back({named("end as a publisher", kind), of(kind),
                  [](Actor& actor) {
                    actor.attach();
                    actor.publish(kSmall);
                  },
                  [](Actor& actor) { actor.publisher.reset(); }, 1});
}

void add_publishing(Operations& list, Publishers kind) {
  const auto publish_small = [](Actor& actor) { actor.publish(kSmall); };
  const auto publish_large = [](Actor& actor) { actor.publish(kLarge); };
  list.push_back({named("publish", kind), of(kind), attach, publish_small, 1});
  list.push_back({named("publish with a key", kind), of(kind), attach,
                  [](Actor& actor) { actor.publish(kSmall, "key"); }, 1});
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
                  [](Actor& actor) { actor.publish(kLarge, "key"); }, 1});
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
  list.push_back({named("publish and wake a sleeper", kind),
                  with(of(kind), [](Stage& stage) { stage.want_bell(); }), attach, publish_small,
                  1});
  list.push_back({named("publish behind a change of wake mode", kind), of(kind),
                  [](Actor& actor) {
                    actor.attach();
                    actor.publish(kSmall);
                    actor.publish(kSmall);
                  },
                  publish_small, 3});
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
                  [](Actor& actor) { (void)actor.subscriber->take(100ms); }});
}

void add_subscribing(Operations& list, Publishers kind) {
  const auto hold_one = [](Actor& actor) {
    actor.subscribe({.delivery = Delivery::lossy, .start = Start::oldest()});
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

void add_repair(Operations& list, Publishers kind) {
  Setting after_deaths = large(kind);
  after_deaths.meanwhile = [](Stage& stage) {
    stage.let_die([](Actor& actor) {
      actor.subscribe({.start = Start::oldest()});
      actor.take(true);
      actor.attach();
      actor.publish(kSmall);
    });
  };
  const auto look = [](Actor& actor) {
    actor.bus.emplace(Bus::open(actor.path, {.create = false, .observe = true}).value());
  };
  list.push_back({named("repair what a dead process left", kind), after_deaths, look,
                  [](Actor& actor) { actor.bus->heal(); }});
  list.push_back({named("open a bus where somebody died", kind), after_deaths, nothing,
                  [](Actor& actor) { actor.bus.emplace(Bus::open(actor.path).value()); }});
  if (kind != Publishers::one) return;
  list.push_back({"take away what a removed topic left",
                  with(of(kind), [](Stage& stage) { stage.remove_under_readers(); }), look,
                  [](Actor& actor) { actor.bus->heal(); }, 0, true});
  // What towd does when it finds a dead process.
  list.push_back({named("towd finds a dead process", kind), after_deaths,
                  [](Actor&) { spdlog::set_level(spdlog::level::off); },
                  [](Actor& actor) {
                    boost::asio::io_context context(1);
                    const towd::BusWatch watch(context, actor.path, 5ms);
                  }});
}

/// As publishers die between the first and the last store of a message: a slot that is being
/// written, and in `many` one that is whole and has no name yet.
void leave_half(Actor& actor) {
  attach_typed(actor);
  publish_typed(actor);
  const auto lane =
      typed(actor).ring->map_lane(typed(actor).writer->lane(), shm::Access::read_write).value();
  const bool many = typed(actor).ring->geometry().many();
  const std::uint64_t next = actor.next;
  const auto slot = [&](std::uint64_t ahead) {
    return lane.slot((next - (many ? 1 : 0) + ahead) & (kSlots - 1));
  };
  slot(0)->sequence.store(many ? next : next | shm::kBusy, shm::kRelaxed);
  slot(1)->sequence.store((next + 1) | shm::kBusy, shm::kRelaxed);
}

void add_typed(Operations& list, Publishers kind) {
  list.push_back({named("adopt a lane that is half written", kind), with_dead(of(kind), leave_half),
                  open,
                  [](Actor& actor) { actor.publisher.emplace(actor.topic->publisher().value()); }});
  list.push_back({named("publish a value", kind), of(kind), attach_typed, publish_typed, 1});
  list.push_back({named("publish values as a batch", kind), of(kind), attach_typed,
                  [](Actor& actor) {
                    std::string_view texts;
                    for (std::uint64_t i = 0; i < 4; ++i) {
                      texts = text_of(actor.next + i, kSmall, i * kSmall);
                    }
                    const auto* const bytes = reinterpret_cast<const std::byte*>(texts.data());
                    typed(actor).writer->append_batch_fixed<kSmall>(bytes, 4);
                    typed(actor).writer->notify();
                    actor.progress->published.fetch_add(4);
                  },
                  4});
  list.push_back({named("take a value", kind), of(kind),
                  [](Actor& actor) {
                    open_typed(actor);
                    const shm::ReaderOptions oldest{.start = {shm::StartAt::Kind::oldest, 0}};
                    typed(actor).reader = shm::Reader::attach(typed(actor).ring, oldest).value();
                  },
                  [](Actor& actor) {
                    Typed::Payload payload;
                    std::uint64_t sequence = 0;
                    while (typed(actor).reader->try_take_fixed(payload, sequence) ==
                           shm::Reader::Fixed::taken) {
                      actor.progress->taken.fetch_add(1);
                    }
                  }});
}

Operations all() {
  Operations list;
  add_membership(list);
  for (const Publishers kind : {Publishers::one, Publishers::many}) {
    add_topics(list, kind);
    add_publishers(list, kind);
    add_publishing(list, kind);
    add_pressure(list, kind);
    add_waiting(list, kind);
    add_taking(list, kind);
    add_subscribing(list, kind);
    add_typed(list, kind);
    add_repair(list, kind);
  }
  return list;
}

}  // namespace

const std::vector<Operation>& operations() {
  static const Operations list = all();
  return list;
}

}  // namespace tow::crash
