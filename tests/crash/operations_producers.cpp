#include "operation_parts.hpp"

namespace tow::crash {
namespace {

const PublisherOptions kNamed{.when_full = WhenFull::fail, .producer = "producer"};

void attach_named(Actor& actor) { actor.attach(kNamed); }

/// Under the number that the message has in the topic.
void publish_numbered(Actor& actor) { actor.publish(kSmall, {.number = actor.next}); }

void live_and_publish(Actor& actor) {
  attach_named(actor);
  publish_numbered(actor);
}

/// As one dies behind the commit, before it has written down the number.
void forget_the_number(Actor& actor) {
  live_and_publish(actor);
  const auto producers =
      shm::Directory::open(actor.path + "/topics/" + kTopic + "/producers").value();
  for (const std::string& name : producers.names()) {
    const auto file =
        shm::Segment::open(producers, name, shm::SegmentKind::producer, shm::Access::read_write)
            .value();
    file.as<shm::ProducerLayout>()->number.store(0, shm::kRelaxed);
  }
}

/// Whoever is the producer next knows which numbers are out: the last message's is, if it has one.
std::string knows_its_last(const Bus& bus, std::uint64_t before) {
  auto topic = bus.topic_as_bytes(kTopic).value();
  const std::uint64_t last = topic.last_sequence();
  const auto publisher = topic.publisher(kNamed).value();
  const std::uint64_t expected = last == before ? 0 : last;
  if (publisher.last_number() == expected) return "";
  return "of the producer number " + std::to_string(publisher.last_number()) + " is out, not " +
         std::to_string(expected);
}

Verdict known_behind(std::uint64_t before) {
  return [before](const Bus& bus, bool) { return knows_its_last(bus, before); };
}

}  // namespace

void add_producers(Operations& list) {
  constexpr std::uint64_t kBefore = 5;
  const Setting many = of(Publishers::many);
  list.push_back({.name = "become a producer",
                  .setting = many,
                  .prepare = open,
                  .act = attach_named,
                  .verdict = known_behind(kBefore)});
  list.push_back({.name = "publish as a producer",
                  .setting = many,
                  .prepare = attach_named,
                  .act = publish_numbered,
                  .publishes = 1,
                  .verdict = known_behind(kBefore)});
  list.push_back({.name = "end as a producer",
                  .setting = many,
                  .prepare = live_and_publish,
                  .act = [](Actor& actor) { actor.publisher.reset(); },
                  .publishes = 1,
                  .verdict = known_behind(kBefore)});
  list.push_back({.name = "become a producer that has died",
                  .setting = with_dead(many, forget_the_number),
                  .prepare = open,
                  .act = attach_named,
                  .verdict = known_behind(kBefore)});
  list.push_back(
      {.name = "adopt the lane of a producer that has died",
       .setting = with_dead(many, forget_the_number),
       .prepare = open,
       .act = [](Actor& actor) { actor.publisher.emplace(actor.topic->publisher().value()); },
       .verdict = known_behind(kBefore)});
}

}  // namespace tow::crash
