#include <filesystem>
#include <stdexcept>

#include "operation_parts.hpp"
#include "towpath/shm/record.hpp"

namespace tow::crash {
namespace {

constexpr std::uint64_t kTogether = 3;
const std::string kGroup = std::string("topics/") + kTopic + "/groups/g";

/// Somebody with two lanes and a record.
struct Settler {
  std::shared_ptr<shm::Participants> participants;
  std::unique_ptr<shm::Writer> first, second;
  std::unique_ptr<shm::Record> record;
};

Settler& settler(Actor& actor) { return *static_cast<Settler*>(actor.other.get()); }

void join(Actor& actor) {
  auto settler = std::make_shared<Settler>();
  settler->participants = std::make_shared<shm::Participants>(
      shm::Directory::open(actor.path + "/participants").value(), 0600);
  settler->participants->join().value();
  const auto ring = shm::Ring::open(shm::Directory::open(actor.path + "/topics/" + kTopic).value(),
                                    kTopic, settler->participants, 0600, false)
                        .value();
  actor.next = ring->tail() + 1;
  settler->first = shm::Writer::attach(ring).value();
  settler->second = shm::Writer::attach(ring).value();
  actor.other = std::move(settler);
}

void claim(Actor& actor) {
  settler(actor).record = shm::Record::claim(shm::Directory::open(actor.path).value(), kGroup, 0,
                                             settler(actor).participants, 0600)
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

/// What happens at a step of a settlement: a lost lease, or a death.
class Words final : public shm::SettledInputs {
 public:
  enum class At : std::uint8_t { never, lost, killed };
  explicit Words(At at) : at_(at) {}
  bool begin(const shm::RecordInput&, std::uint32_t) override {
    if (at_ == At::killed) throw std::runtime_error("killed");
    return at_ != At::lost;
  }
  void undo(const shm::RecordInput&, std::uint32_t) override {}
  void finish(const shm::RecordInput&, std::uint32_t) override {}
  void fail(const shm::RecordInput&, std::uint32_t) override {}
  void announce() override {}

 private:
  At at_;
};

shm::Settled settle(Actor& actor, Words::At at, std::size_t input_count) {
  Settler& self = settler(actor);
  Words words(at);
  const shm::RecordInput input{};
  shm::Writer* const outputs[] = {self.first.get(), self.second.get(), self.first.get()};
  return self.record->settle(words, {&input, input_count}, outputs, 1, shm::Deadline::never());
}

/// As one dies who has prepared, or committed, and published nothing yet.
void leave_open(Actor& actor, shm::RecordState state) {
  prepare_all(actor);
  try {
    settle(actor, Words::At::killed, 1);
  } catch (const std::runtime_error&) {
    const auto records = shm::Directory::open(actor.path + '/' + kGroup + "/records").value();
    const auto file =
        shm::Segment::open(records, "0", shm::SegmentKind::record, shm::Access::read_write).value();
    auto& record = *file.as<shm::RecordLayout>();
    record.input_count.store(0, shm::kRelaxed);
    auto word = shm::RecordWord::unpack(record.state.load(shm::kRelaxed));
    word.state = state;
    record.state.store(word.pack(), shm::kRelaxed);
  }
}

Setting setting() {
  Setting setting{.publishers = Publishers::many};
  setting.more = [](Stage& stage) {
    std::filesystem::create_directories(stage.path() + '/' + kGroup);
  };
  return setting;
}

void look(Actor& actor) {
  actor.bus.emplace(Bus::open(actor.path, {.create = false, .observe = true}).value());
}

void heal(Actor& actor) { actor.bus->heal(); }

}  // namespace

void add_settling(Operations& list) {
  list.push_back({"claim a record", setting(), join, claim});
  list.push_back({"give a record back", setting(), join_and_claim,
                  [](Actor& actor) { settler(actor).record.reset(); }});
  list.push_back({"prepare and discard", setting(), join_and_claim, [](Actor& actor) {
                    prepare(actor);
                    settler(actor).first->discard_prepared();
                    settler(actor).second->discard_prepared();
                  }});
  list.push_back({"settle", setting(), join_and_claim,
                  [](Actor& actor) {
                    prepare(actor);
                    if (settle(actor, Words::At::never, 1) == shm::Settled::done) {
                      actor.progress->published.fetch_add(kTogether);
                    }
                  },
                  kTogether, false, kTogether});
  list.push_back({"settle what was lost", setting(), prepare_all,
                  [](Actor& actor) { settle(actor, Words::At::lost, 1); }});
  Setting after_death = setting();
  after_death.meanwhile = [](Stage& stage) {
    stage.let_die([](Actor& actor) { leave_open(actor, shm::RecordState::prepared); });
  };
  list.push_back({"undo a dead one's settlement", after_death, look, heal, 0, false, kTogether});
  after_death.sleeper = true;
  after_death.meanwhile = [](Stage& stage) {
    stage.let_die([](Actor& actor) { leave_open(actor, shm::RecordState::committed); });
  };
  list.push_back({"finish a dead one's settlement", after_death, look, heal, kTogether, false,
                  kTogether, kTogether});
}

}  // namespace tow::crash
