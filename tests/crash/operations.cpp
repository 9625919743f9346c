#include "operations.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/io_context.hpp>

#include "daemon/src/bus_watch.hpp"
#include "operation_parts.hpp"

namespace tow::crash {
namespace {

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
                  with_sleeper(with_dead(of(kind), publish_both_sizes)), open, attach_only});
  list.push_back({named("end as a publisher", kind), of(kind),
                  [](Actor& actor) {
                    actor.attach();
                    actor.publish(kSmall);
                  },
                  [](Actor& actor) { actor.publisher.reset(); }, 1});
}

/// As far as a remover gets before it dies: the topic still has its name.
void mark_removed(Actor& actor) {
  open_typed(actor);
  auto& state = typed(actor).ring->order().state;
  state.store(static_cast<std::uint32_t>(shm::TopicState::removed), shm::kRelease);
}

void add_repair(Operations& list, Publishers kind) {
  Setting after_deaths = with_sleeper(large(kind));
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
  list.push_back({"finish a dead one's removal", with_dead(of(kind), mark_removed), look,
                  [](Actor& actor) { actor.bus->heal(); }, 0, true});
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
    add_attributes(list, kind);
    add_pressure(list, kind);
    add_waiting(list, kind);
    add_taking(list, kind);
    add_subscribing(list, kind);
    add_typed(list, kind);
    add_repair(list, kind);
  }
  add_groups(list);
  add_exchanges(list);
  add_settling(list);
  add_producers(list);
  add_requests(list);
  return list;
}

}  // namespace

const std::vector<Operation>& operations() {
  static const Operations list = all();
  return list;
}

}  // namespace tow::crash
