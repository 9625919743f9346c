#include <filesystem>

#include "operation_parts.hpp"
#include "towpath/shm/group.hpp"

namespace tow::crash {
namespace {

/// A topic of five messages, none of them settled; there is a group.
Setting grouped(GroupOptions group = {}, GroupWant want = {}) {
  Setting setting{.publishers = Publishers::many, .group = std::move(group)};
  setting.group_want = std::move(want);
  return setting;
}

/// The first message was begun, and may be settled by the operation.
Setting first_begun(GroupOptions group = {}) {
  return grouped(std::move(group), {.maybe = {1}, .begun = {1}});
}

Setting with_sleeping_consumer(Setting setting) {
  setting.meanwhile = [](Stage& stage) { stage.want_group_bell(); };
  return setting;
}

void consume(Actor& actor) { actor.consume(); }
void begin_one(Actor& actor) {
  actor.consume();
  actor.begin();
}
void take(Actor& actor) { actor.begin(); }

const std::set<std::uint64_t> kAll{1, 2, 3, 4, 5};

/// Those who have no group yet, or one that its maker or remover left half.
Setting half_grouped(std::function<void(Stage&)> more) {
  return with(of(Publishers::many), std::move(more));
}

void make_from_oldest(Actor& actor) {
  actor.group.emplace(actor.topic->group(kGroup, {.start = Start::oldest()}).value());
}

/// As one dies who has made a group and not yet given it its page.
void die_before_hand_over(Actor& actor) {
  actor.open();
  make_from_oldest(actor);
  auto own = std::make_shared<shm::Participants>(
      shm::Directory::open(actor.path + "/participants").value(), 0600);
  own->join().value();
  const auto readers = shm::Directory::open(actor.path + "/topics/" + kTopic + "/readers").value();
  for (const std::string& number : readers.names()) {
    if (number == "board") continue;
    const auto page =
        shm::Segment::open(readers, number, shm::SegmentKind::reader, shm::Access::read_write)
            .value();
    auto& layout = *page.as<shm::ReaderLayout>();
    if (!shm::is_group_owner(shm::Token(layout.owner.load(shm::kAcquire)))) continue;
    layout.owner.store(own->self().bits(), shm::kRelease);
  }
  actor.other = own;
}

void add_half_groups(Operations& list) {
  const auto look = [](Actor& actor) {
    actor.bus.emplace(Bus::open(actor.path, {.create = false, .observe = true}).value());
  };
  list.push_back({"open a group whose maker died",
                  half_grouped([](Stage& stage) { stage.let_die(die_before_hand_over); }), open,
                  make_from_oldest});
  const auto lose = [](Stage& stage) {
    (void)stage.topic().group(kGroup).value();
    std::filesystem::remove_all(stage.path() + "/topics/" + kTopic + "/groups/" + kGroup);
  };
  list.push_back({"free the page of a group whose file is lost",
                  with_dead(half_grouped(lose), open), look,
                  [](Actor& actor) { actor.bus->heal(); }});
  list.push_back({"remove a group with a record", grouped({}, {.maybe = kAll, .may_be_gone = true}),
                  [](Actor& actor) {
                    begin_one(actor);
                    actor.consumer->settle(actor.deliveries[0]).commit().value();
                  },
                  [](Actor& actor) { actor.topic->remove_group(kGroup).value(); }});
}

void add_group_files(Operations& list) {
  list.push_back({"make a group", of(Publishers::many), open, make_from_oldest});
  list.push_back({"make a group, one", of(Publishers::one), open, make_from_oldest});
  list.push_back({"open a group", grouped(), open,
                  [](Actor& actor) { actor.group.emplace(actor.topic->group(kGroup).value()); }});
  list.push_back({"remove a group",
                  with_sleeping_consumer(grouped({}, {.maybe = kAll, .may_be_gone = true})), open,
                  [](Actor& actor) { actor.topic->remove_group(kGroup).value(); }});
  list.push_back({"join a group", grouped(), open, consume});
  list.push_back({"join a group of a dead consumer",
                  with_dead(grouped({}, {.begun = {1, 2}}),
                            [](Actor& actor) {
                              actor.consume();
                              actor.begin(2);
                            }),
                  open, consume});
  list.push_back({"leave a group", with_sleeping_consumer(grouped({}, {.begun = {1, 2}})),
                  [](Actor& actor) {
                    actor.consume();
                    actor.begin(2);
                    for (auto& delivery : actor.deliveries) (void)std::move(delivery);
                  },
                  [](Actor& actor) {
                    actor.deliveries.clear();
                    actor.consumer.reset();
                  }});
}

void add_group_takes(Operations& list) {
  list.push_back({"begin a delivery", grouped(), consume, take});
  Setting large_ones = grouped();
  large_ones.bytes = kLarge;
  large_ones.messages = 3;
  list.push_back({"begin a large delivery", large_ones, consume, take});
  list.push_back({"begin a delivery with a lease", grouped({.lease = 1h}), consume, take});
  list.push_back({"settle the last and raise the low mark",
                  grouped({}, {.done = {1, 2, 3, 4}, .maybe = {5}, .begun = {5}}),
                  [](Actor& actor) {
                    actor.consume();
                    for (int i = 0; i < 4; ++i) {
                      actor.begin();
                      actor.deliveries.back().ack().value();
                    }
                    actor.begin();
                  },
                  [](Actor& actor) {
                    actor.deliveries.back().ack().value();
                    actor.begin();
                  }});
  list.push_back({"take from a group until a deadline", grouped({}, {.done = kAll}),
                  [](Actor& actor) {
                    actor.consume();
                    for (int i = 0; i < 5; ++i) {
                      actor.begin();
                      actor.deliveries.back().ack().value();
                    }
                  },
                  [](Actor& actor) { (void)actor.consumer->take(15ms); }});
}

void add_group_settling(Operations& list) {
  list.push_back(
      {"ack", first_begun(), begin_one, [](Actor& actor) { actor.deliveries[0].ack().value(); }});
  list.push_back({"release", with_sleeping_consumer(first_begun()), begin_one,
                  [](Actor& actor) { actor.deliveries[0].release().value(); }});
  list.push_back({"retry at once", with_sleeping_consumer(first_begun()), begin_one,
                  [](Actor& actor) { actor.deliveries[0].retry().value(); }});
  list.push_back({"retry later", with_sleeping_consumer(first_begun()), begin_one,
                  [](Actor& actor) { actor.deliveries[0].retry(1us).value(); }});
  list.push_back({"retry once too often", first_begun({.max_attempts = 1}), begin_one,
                  [](Actor& actor) { actor.deliveries[0].retry().value(); }});
  list.push_back({"reject", first_begun(), begin_one,
                  [](Actor& actor) { actor.deliveries[0].reject("for good").value(); }});
  list.push_back({"renew a lease", first_begun({.lease = 1h}), begin_one,
                  [](Actor& actor) { actor.deliveries[0].renew().value(); }});
  list.push_back({"take back what was leased for too long",
                  with_sleeping_consumer(first_begun({.lease = 1us})), begin_one, [](Actor& actor) {
                    auto other = actor.group->consumer({.prefetch = 1, .spin = 0ns}).value();
                    (void)other.try_take();
                  }});
  Setting room_wanted = first_begun();
  room_wanted.meanwhile = [](Stage& stage) { stage.want_room(); };
  list.push_back({"make room by settling", room_wanted, begin_one,
                  [](Actor& actor) { actor.deliveries[0].ack().value(); }});
}

constexpr const char* kLetters = "letters";

void add_dead_letters(Operations& list) {
  Setting moved = grouped({.dead_letter = kLetters}, {.maybe = {1, 2}, .begun = {1, 2}});
  const auto reject_next = [](Actor& actor) {
    actor.deliveries.front().reject("for good").value();
    actor.deliveries.pop_front();
  };
  const auto reject_first = [reject_next](Actor& actor) {
    actor.consume();
    actor.begin(2);
    reject_next(actor);  // opens the topic
  };
  const auto at_most_two = [](const Bus& bus, bool) -> std::string {
    const auto letters = bus.topic(kLetters, {.create = false});
    return !letters || letters->last_sequence() <= 2 ? "" : "a letter is there twice";
  };
  list.push_back({.name = "move a dead letter",
                  .setting = moved,
                  .prepare = reject_first,
                  .act = reject_next,
                  .verdict = at_most_two});
  Setting too_large = moved;
  too_large.more = [](Stage& stage) {
    stage.bus().topic(kLetters, {.max_message_bytes = 8}).value();
  };
  const auto nothing_there = [](const Bus& bus, bool) -> std::string {
    const bool empty = bus.topic(kLetters, {.create = false}).value().last_sequence() == 0;
    bus.remove_topic(kLetters).value();  // the next consumer makes one that takes the letter
    return empty ? "" : "a letter is there that does not fit";
  };
  list.push_back({.name = "leave a dead letter that is too large",
                  .setting = too_large,
                  .prepare = reject_first,
                  .act = reject_next,
                  .verdict = nothing_there});
  too_large.group->drop_when_dead_letters_full = true;
  list.push_back({.name = "drop a dead letter that is too large",
                  .setting = too_large,
                  .prepare = reject_first,
                  .act = reject_next,
                  .verdict = nothing_there});
}

void add_giving_up(Operations& list) {
  Setting expired = grouped({}, {.maybe = kAll});
  expired.attributes = {.time_to_live = 1ns};
  list.push_back({"give up what is too old", expired, consume, take});
  Setting early = grouped();
  early.attributes = {.delay = 1us};
  list.push_back({"begin what was delayed", early, consume, take});
  Setting too_early = grouped({}, {.later = kAll});
  too_early.attributes = {.delay = 2h};
  list.push_back({"leave what is too early", too_early, consume, take});
  list.push_back({"skip what is not for the group",
                  grouped({.key_pattern = "a.*"}, {.maybe = kAll}), consume, take});
  list.push_back({"publish beyond a length limit",
                  grouped({.max_length = 4, .overflow = Overflow::drop_oldest}, {.maybe = kAll}),
                  attach, [](Actor& actor) { actor.publish(kSmall); }, 1});
  list.push_back({"drop what publishers dropped",
                  grouped({.max_length = 4, .overflow = Overflow::drop_oldest}, {.maybe = kAll}),
                  consume, take});
  GroupWant any{.begun = {1}};
  for (std::uint64_t sequence = 1; sequence <= 5 + 2 * kSlots; ++sequence)
    any.maybe.insert(sequence);
  Setting overtaken = without_survivor(
      grouped({.max_length = 4, .overflow = Overflow::drop_oldest}, std::move(any)));
  overtaken.meanwhile = [](Stage& stage) { stage.publish(2 * kSlots, kSmall); };
  list.push_back({"begin what was overwritten", overtaken, begin_one, take});
}

void add_modes(Operations& list) {
  const auto life = [](Actor& actor) {
    actor.consume();
    actor.begin(1);
  };
  Setting keyed = with_dead(grouped({.mode = GroupMode::ordered}, {.begun = {1}}), life);
  keyed.attributes = {.key = "key"};
  list.push_back({"take a dead one's partitions", keyed, open, [](Actor& actor) {
                    actor.consume();
                    actor.begin();
                  }});
  Setting shared_out = grouped({.mode = GroupMode::ordered}, {.begun = {1}});
  shared_out.attributes = {.key = "key"};
  list.push_back({"share partitions out", shared_out, begin_one, [](Actor& actor) {
                    auto other = actor.group->consumer({.spin = 0ns}).value();
                    actor.begin(4);
                    actor.begin();
                    (void)other.try_take();
                  }});
  list.push_back({"retry in order", shared_out, begin_one,
                  [](Actor& actor) { actor.deliveries[0].retry().value(); }});
  list.push_back(
      {"become the single active", grouped({.mode = GroupMode::single_active}), consume, take});
  list.push_back({"begin by priority", grouped({.by_priority = true}), consume, take});
}

void add_group_control(Operations& list) {
  GroupWant two_done{.maybe = {1, 2}};
  const auto settle_two = [](Actor& actor) {
    actor.consume();
    actor.begin(2);
    for (auto& delivery : actor.deliveries) delivery.ack().value();
  };
  list.push_back({"seek", with_sleeping_consumer(grouped({}, two_done)), settle_two,
                  [](Actor& actor) { actor.group->seek(SeekTo::oldest()).value(); }});
  list.push_back({"pause and resume", with_sleeping_consumer(grouped()), consume, [](Actor& actor) {
                    actor.group->pause().value();
                    actor.group->resume().value();
                  }});
  const auto look = [](Actor& actor) {
    actor.bus.emplace(Bus::open(actor.path, {.create = false, .observe = true}).value());
  };
  Setting after_death = grouped({}, {.begun = {1, 2}});
  after_death.meanwhile = [](Stage& stage) {
    stage.let_die([](Actor& actor) {
      actor.consume();
      actor.begin(2);
    });
    stage.want_group_bell();
  };
  list.push_back({"repair a group", after_death, look, [](Actor& actor) { actor.bus->heal(); }});
}

}  // namespace

void add_groups(Operations& list) {
  add_half_groups(list);
  add_group_files(list);
  add_group_takes(list);
  add_group_settling(list);
  add_dead_letters(list);
  add_giving_up(list);
  add_modes(list);
  add_group_control(list);
}

}  // namespace tow::crash
