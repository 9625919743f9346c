#include <filesystem>
#include <stdexcept>

#include "operation_parts.hpp"
#include "towpath/shm/group_inputs.hpp"
#include "towpath/shm/record.hpp"

namespace tow::crash {
namespace {

constexpr std::uint64_t kTogether = 3;
constexpr const char* kOtherTopic = "other";
const std::string kGroupPath = std::string("topics/") + kTopic + "/groups/" + kGroup;

/// Somebody with two lanes and a record.
struct Settler {
  std::shared_ptr<shm::Participants> participants;
  std::shared_ptr<shm::Ring> ring;
  std::unique_ptr<shm::Writer> first, second;
  std::unique_ptr<shm::Record> record;
};

Settler& settler(Actor& actor) { return *static_cast<Settler*>(actor.other.get()); }

void join_topic(Actor& actor, const char* topic) {
  auto settler = std::make_shared<Settler>();
  settler->participants = std::make_shared<shm::Participants>(
      shm::Directory::open(actor.path + "/participants").value(), 0600);
  settler->participants->join().value();
  settler->ring = shm::Ring::open(shm::Directory::open(actor.path + "/topics/" + topic).value(),
                                  topic, settler->participants, 0600, false)
                      .value();
  actor.next = settler->ring->tail() + 1;
  settler->first = shm::Writer::attach(settler->ring).value();
  settler->second = shm::Writer::attach(settler->ring).value();
  actor.other = std::move(settler);
}

void join(Actor& actor) { join_topic(actor, kTopic); }

void claim(Actor& actor) {
  settler(actor).record = shm::Record::claim(shm::Directory::open(actor.path).value(), kGroupPath,
                                             0, settler(actor).participants, 0600)
                              .value();
}

void join_and_claim(Actor& actor) {
  join(actor);
  claim(actor);
}

void prepare(Actor& actor) {
  Settler& self = settler(actor);
  const std::pair<shm::Writer*, std::size_t> outputs[] = {
      {self.first.get(), kSmall}, {self.second.get(), kLarge}, {self.first.get(), kLarge}};
  for (std::uint64_t i = 0; i < kTogether; ++i) {
    const auto [writer, bytes] = outputs[i];
    const std::string_view text = text_of(actor.next + i, bytes);
    if (writer->prepare(text.data(), static_cast<std::uint32_t>(bytes)) != shm::Append::done) {
      throw std::runtime_error("nothing can be prepared");
    }
  }
}

void prepare_all(Actor& actor) {
  join_and_claim(actor);
  prepare(actor);
}

/// In place of a group's words; what happens at the first of them.
class Words final : public shm::SettledInputs {
 public:
  explicit Words(std::function<bool()> at_begin) : at_begin_(std::move(at_begin)) {}
  bool begin(const shm::RecordInput&, std::uint32_t) override { return at_begin_(); }
  void undo(const shm::RecordInput&, std::uint32_t) override {}
  void finish(const shm::RecordInput&, std::uint32_t) override {}
  void fail(const shm::RecordInput&, std::uint32_t) override {}
  void announce() override {}

 private:
  std::function<bool()> at_begin_;
};

/// Throws where one would die.
[[noreturn]] bool die() { throw std::runtime_error("killed"); }
bool held() { return true; }
bool lost() { return false; }

shm::Settled settle(Actor& actor, shm::SettledInputs& words, const shm::RecordInput& input = {},
                    std::uint32_t number = 1) {
  Settler& self = settler(actor);
  shm::Writer* const outputs[] = {self.first.get(), self.second.get(), self.first.get()};
  return self.record->settle(words, {&input, 1}, outputs, number, shm::Deadline::never());
}

shm::Settled settle(Actor& actor, std::function<bool()> at_begin) {
  Words words(std::move(at_begin));
  return settle(actor, words);
}

shm::Segment record_file(const Actor& actor) {
  const auto records = shm::Directory::open(actor.path + '/' + kGroupPath + "/records").value();
  return shm::Segment::open(records, "0", shm::SegmentKind::record, shm::Access::read_write)
      .value();
}

void set_state(shm::RecordLayout& record, shm::RecordState state) {
  auto word = shm::RecordWord::unpack(record.state.load(shm::kRelaxed));
  word.state = state;
  record.state.store(word.pack(), shm::kRelaxed);
}

/// As one dies who has prepared, or committed, and published nothing yet.
void leave_open(Actor& actor, shm::RecordState state) {
  try {
    settle(actor, die);
  } catch (const std::runtime_error&) {
    const auto file = record_file(actor);
    auto& record = *file.as<shm::RecordLayout>();
    record.input_count.store(0, shm::kRelaxed);
    set_state(record, state);
  }
}

void prepare_and_leave_open(Actor& actor, shm::RecordState state) {
  prepare_all(actor);
  leave_open(actor, state);
}

/// As one dies who has committed, published the first, and not yet noted it; `named` says whether
/// the first has got as far as to have its name.
void leave_first_unmarked(Actor& actor, bool named) {
  prepare_and_leave_open(actor, shm::RecordState::committed);
  shm::Writer& writer = *settler(actor).first;
  const shm::Ring& ring = writer.ring();
  const std::uint64_t slot = writer.prepared_slot(0), sequence = actor.next;
  const auto lane = ring.map_lane(writer.lane(), shm::Access::read_write).value();
  lane.slot(slot)->sequence.store(sequence, shm::kRelease);
  const auto directory = shm::Directory::open(actor.path + "/topics/" + kTopic).value();
  const auto order =
      shm::Segment::open(directory, "order", shm::SegmentKind::order, shm::Access::read_write)
          .value();
  auto& layout = *order.as<shm::OrderLayout>();
  layout.pinned[0].fetch_or(1ULL << writer.lane(), shm::kRelaxed);
  layout.pins[writer.lane()].store(sequence, shm::kRelease);
  if (!named) return;
  ring.index(sequence).store(ring.geometry().index_word(sequence, writer.lane(), slot),
                             shm::kRelease);
}

/// As a consumer dies that has prepared, or committed, what it publishes for the first message.
void leave_message_open(Actor& actor, shm::RecordState state) {
  actor.consume({.prefetch = 1, .spin = {}});
  actor.begin();
  prepare_all(actor);
  const auto group = shm::Group::open(settler(actor).ring, kGroup).value();
  const shm::RecordInput input{1, group->word(1).load(shm::kAcquire)};
  const std::uint32_t number = shm::GroupWord::unpack(input.word).who;
  shm::GroupInputs words(group->tables());
  Words last_words([&] {
    words.begin(input, number);
    return die();
  });
  try {
    settle(actor, last_words, input, number);
  } catch (const std::runtime_error&) {
    set_state(*record_file(actor).as<shm::RecordLayout>(), state);
  }
}

Setting setting() {
  Setting setting{.publishers = Publishers::many};
  setting.more = [](Stage& stage) {
    std::filesystem::create_directories(stage.path() + '/' + kGroupPath);
  };
  return setting;
}

void look(Actor& actor) {
  actor.bus.emplace(Bus::open(actor.path, {.create = false, .observe = true}).value());
}

void heal(Actor& actor) { actor.bus->heal(); }

void settle_all(Actor& actor) {
  prepare(actor);
  if (settle(actor, held) == shm::Settled::done) actor.progress->published.fetch_add(kTogether);
}

void add_records(Operations& list) {
  list.push_back({"claim a record", setting(), join, claim});
  list.push_back({"give a record back", setting(), join_and_claim,
                  [](Actor& actor) { settler(actor).record.reset(); }});
  list.push_back({"prepare and discard", setting(), join_and_claim, [](Actor& actor) {
                    prepare(actor);
                    settler(actor).first->discard_prepared();
                    settler(actor).second->discard_prepared();
                  }});
  list.push_back({"settle", setting(), join_and_claim, settle_all, kTogether, false, kTogether});
  list.push_back(
      {"settle what was lost", setting(), prepare_all, [](Actor& actor) { settle(actor, lost); }});
  list.push_back({"settle while the topic is removed", setting(),
                  [](Actor& actor) {
                    prepare_all(actor);
                    actor.bus.emplace(Bus::open(actor.path).value());
                  },
                  [](Actor& actor) {
                    settle(actor, [&] {
                      actor.bus->remove_topic(kTopic).value();
                      return true;
                    });
                  },
                  0, true});
}

Setting after(std::function<void(Actor&)> life) { return with_dead(setting(), std::move(life)); }

void add_open_records(Operations& list) {
  list.push_back({"undo a dead one's settlement", after([](Actor& actor) {
                    prepare_and_leave_open(actor, shm::RecordState::prepared);
                  }),
                  look, heal, 0, false, kTogether});
  // `left` is what the dead one had decided and not published.
  const auto finish = [&list](const char* name, std::uint64_t left,
                              std::function<void(Actor&)> life) {
    list.push_back(
        {name, with_sleeper(after(std::move(life))), look, heal, left, false, left, left});
  };
  finish("finish a dead one's settlement", kTogether,
         [](Actor& actor) { prepare_and_leave_open(actor, shm::RecordState::committed); });
  finish("finish one whose first message is out", kTogether - 1,
         [](Actor& actor) { leave_first_unmarked(actor, true); });
  finish("finish one whose first message has a number", kTogether,
         [](Actor& actor) { leave_first_unmarked(actor, false); });
  Setting gone = with(setting(), [](Stage& stage) {
    std::filesystem::create_directories(stage.path() + '/' + kGroupPath);
    stage.bus().topic(kOtherTopic, stage.options()).value();
    stage.let_die([](Actor& actor) {
      join_topic(actor, kOtherTopic);
      claim(actor);
      prepare(actor);
      leave_open(actor, shm::RecordState::committed);
    });
    stage.bus().remove_topic(kOtherTopic).value();
  });
  list.push_back({"claim a record whose output's topic is gone", std::move(gone), join, claim});
}

/// Whether the first message is acked says the topic's end.
std::string published_iff_acked(const Bus& bus, bool) {
  const auto topic = bus.topic_as_bytes(kTopic).value();
  const bool published = topic.last_sequence() != 5;
  const std::uint64_t open = topic.group(kGroup).value().info().lag;
  const std::uint64_t rest = topic.last_sequence() - (published ? 1 : 0);
  return open == rest ? "" : std::to_string(open) + " messages are open";
}

void add_publish_and_ack(Operations& list) {
  const auto grouped = [](GroupWant want) {
    Setting setting = of(Publishers::many);
    setting.group.emplace();
    setting.group_want = std::move(want);
    return setting;
  };
  list.push_back({.name = "publish and ack",
                  .setting = grouped({.maybe = {1}, .begun = {1}}),
                  .prepare =
                      [](Actor& actor) {
                        actor.attach();
                        actor.consume();
                        actor.begin();
                      },
                  .act =
                      [](Actor& actor) {
                        auto settlement = actor.consumer->settle(actor.deliveries[0]);
                        for (std::uint64_t i = 0; i < kTogether; ++i) {
                          const std::string_view text = text_of(actor.next + i, kSmall);
                          settlement.publish(*actor.publisher, text).value();
                        }
                        settlement.commit().value();
                        actor.progress->published.fetch_add(kTogether);
                      },
                  .publishes = kTogether,
                  .together = kTogether,
                  .verdict = published_iff_acked});
  list.push_back({.name = "undo a dead one's publish and ack",
                  .setting = with_dead(
                      grouped({.begun = {1}}),
                      [](Actor& actor) { leave_message_open(actor, shm::RecordState::prepared); }),
                  .prepare = look,
                  .act = heal,
                  .verdict = published_iff_acked});
  list.push_back({.name = "finish a dead one's publish and ack",
                  .setting = with_dead(
                      grouped({.done = {1}}),
                      [](Actor& actor) { leave_message_open(actor, shm::RecordState::committed); }),
                  .prepare = look,
                  .act = heal,
                  .publishes = kTogether,
                  .together = kTogether,
                  .decided = kTogether,
                  .verdict = published_iff_acked});
}

}  // namespace

void add_settling(Operations& list) {
  add_records(list);
  add_open_records(list);
  add_publish_and_ack(list);
}

}  // namespace tow::crash
