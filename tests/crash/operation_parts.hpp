#pragma once
/// What the parts of the list of operations share.

#include "operations.hpp"
#include "typed.hpp"

namespace tow::crash {

using namespace std::chrono_literals;
using Operations = std::vector<Operation>;

/// So large that the pool holds but a few, and too small for string instructions.
inline constexpr std::size_t kWarm = 1700;

inline void nothing(Actor&) {}
/// Joins the bus, and no topic.
inline void open_bus(Actor& actor) { actor.bus.emplace(Bus::open(actor.path).value()); }
inline void open(Actor& actor) { actor.open(); }
inline void attach(Actor& actor) { actor.attach(); }
inline void attach_hasty(Actor& actor) { actor.attach({.when_full = WhenFull::fail}); }
inline void subscribe_oldest(Actor& actor) { actor.subscribe({.start = Start::oldest()}); }
inline void subscribe_lossy(Actor& actor) {
  actor.subscribe({.kind = SubscriberKind::lossy, .start = Start::oldest()});
}

inline std::string named(const char* name, Publishers kind) {
  return std::string(name) + (kind == Publishers::one ? ", one" : ", many");
}

inline Setting of(Publishers kind) { return {.publishers = kind}; }

inline Setting large(Publishers kind, std::uint64_t messages = 4) {
  return {.publishers = kind, .messages = messages, .bytes = kLarge};
}

inline Setting with(Setting setting, std::function<void(Stage&)> more) {
  setting.more = std::move(more);
  return setting;
}

/// With somebody who lives while the child gets ready, and then is dead.
inline Setting with_dead(Setting setting, std::function<void(Actor&)> life) {
  setting.meanwhile = [life = std::move(life)](Stage& stage) { stage.let_die(life); };
  return setting;
}

inline Setting with_sleeper(Setting setting) {
  setting.sleeper = true;
  return setting;
}

inline Setting without_survivor(Setting setting) {
  setting.survivor = false;
  return setting;
}

/// As many messages as the ring holds, none of them read by the survivor.
inline Setting full(Publishers kind) { return {.publishers = kind, .messages = kSlots}; }

/// Publishing where there is room, where room has to be made first, and where there is none.
void add_publishing(Operations& list, Publishers kind);
void add_attributes(Operations& list, Publishers kind);
void add_pressure(Operations& list, Publishers kind);
void add_waiting(Operations& list, Publishers kind);
/// Reading.
void add_taking(Operations& list, Publishers kind);
void add_subscribing(Operations& list, Publishers kind);
/// Groups, which are the same in both kinds of topic but for their making.
void add_groups(Operations& list);
/// Acking and publishing, all or none.
void add_settling(Operations& list);
/// Publishers that number their messages under a name.
void add_producers(Operations& list);
/// Exchanges and their bindings.
void add_exchanges(Operations& list);
/// Clients and servers of a service.
void add_requests(Operations& list);

}  // namespace tow::crash
