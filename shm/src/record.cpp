#include "towpath/shm/record.hpp"

#include <algorithm>
#include <map>

#include "record_files.hpp"
#include "towpath/shm/fork.hpp"
#include "towpath/shm/text_words.hpp"

namespace tow::shm {
namespace {

Result<Segment> make_record(const Directory& bus, const std::string& path,
                            std::uint32_t file_mode) {
  const auto parts = parts_of_record_path(path);
  if (!parts) return make_error(Code::invalid_argument, path + " is no path of a record");
  auto directory = open_group_of(bus, *parts);
  if (!directory) return directory.error();
  auto records = directory->make_child("records", file_mode);
  if (!records) return records.error();
  // Zeros are right: nobody's, free, no settlement yet.
  return Segment::create(*records, parts->back(),
                         {SegmentKind::record, sizeof(RecordLayout), file_mode}, [](std::byte*) {});
}

}  // namespace

Result<std::unique_ptr<Record>> Record::claim(const Directory& bus, const std::string& group,
                                              std::uint32_t number,
                                              std::shared_ptr<Participants> participants,
                                              std::uint32_t file_mode, OpenInputs open_inputs) {
  const std::string path = group + "/records/" + std::to_string(number);
  auto segment = open_record(bus, path);
  if (!segment && segment.error() == Code::not_found) {
    segment = make_record(bus, path, file_mode);
    if (!segment && segment.error() == Code::already_exists) segment = open_record(bus, path);
  }
  if (!segment) return segment.error();
  auto& layout = *segment->as<RecordLayout>();
  switch (resolve_record(bus, path, *participants, open_inputs)) {
    case Resolution::over:
      break;
    case Resolution::blocked:
      return make_error(Code::already_exists,
                        bus.path_of(path) + " belongs to a process that lives; end that first");
    case Resolution::waiting:
      return make_error(Code::full, bus.path_of(path) +
                                        ": messages that its last owner had decided to publish "
                                        "find no room; let their readers read on");
  }
  std::uint64_t owner = 0;
  // [X6] acq_rel, pairs with itself: everything its last owner did before our first look. Dies
  // here: a record of the dead in which nothing happened.
  if (!layout.owner.compare_exchange_strong(owner, participants->self().bits(), kAcqRel)) {
    return make_error(Code::already_exists,
                      bus.path_of(path) + " was claimed by somebody else meanwhile");
  }
  return std::unique_ptr<Record>(new Record(std::move(*segment), path, std::move(participants)));
}

Result<std::unique_ptr<Record>> Record::claim(const Ring& topic, const std::string& group,
                                              std::uint32_t number) {
  const auto bus = bus_of(topic.directory());
  if (!bus) return bus.error();
  return claim(*bus, "topics/" + topic.topic_file() + "/groups/" + group, number,
               topic.shared_participants(), topic.file_mode());
}

Record::Record(Segment segment, std::string path, std::shared_ptr<Participants> participants)
    : segment_(std::move(segment)),
      path_(std::move(path)),
      participants_(std::move(participants)),
      // relaxed: ours, [X6] orders
      hands_(RecordWord::unpack(layout().state.load(kRelaxed)).hands),
      id_(layout().id.load(kRelaxed)),
      fork_count_(fork_count()) {}

Record::~Record() {
  if (fork_count_ != fork_count()) return;
  // Unless it is FREE others have it, or will: its owner is then no member any more.
  if (RecordWord::unpack(layout().state.load(kRelaxed)).state != RecordState::free) return;
  std::uint64_t owner = participants_->self().bits();
  layout().owner.compare_exchange_strong(owner, 0, kAcqRel);  // [X6]
}

bool Record::change_state(RecordState from, RecordState to) {
  std::uint64_t bits = RecordWord{hands_, from}.pack();
  // [X7] acq_rel, pairs with [X8]: what the record says before that it counts; what was done before
  // that it is. Fails when somebody took the record over: it was proved to him that we are dead.
  return layout().state.compare_exchange_strong(bits, RecordWord{hands_, to}.pack(), kAcqRel);
}

Settled Record::settle(SettledInputs& words, std::span<const RecordInput> inputs,
                       std::span<Writer* const> outputs, std::uint32_t settler, Deadline deadline) {
  settler_ = settler;
  writers_.clear();
  for (Writer* const writer : outputs) {
    if (std::find(writers_.begin(), writers_.end(), writer) == writers_.end()) {
      writers_.push_back(writer);
    }
  }
  if (!wait_for_room(deadline)) return roll_back(words, {}, Settled::timed_out);
  id_ = std::max(id_, segment_.as<SegmentLayout>()->created_ns) + 1;
  for (Writer* const writer : writers_) writer->enter_record(path_, id_);
  write(inputs, outputs);
  if (!change_state(RecordState::free, RecordState::prepared)) return Settled::stale;
  std::size_t begun = 0;
  while (begun < inputs.size() && words.begin(inputs[begun], settler_)) ++begun;
  if (begun != inputs.size()) {
    return roll_back(words, inputs.first(begun), Settled::lease_lost);
  }
  if (!participants_->still_member()) return Settled::stale;
  if (!change_state(RecordState::prepared, RecordState::committed)) return Settled::stale;
  if (!publish(outputs)) return Settled::stale;
  for (const RecordInput& input : inputs) words.finish(input, settler_);
  words.announce();
  if (!change_state(RecordState::committed, RecordState::free)) return Settled::stale;
  for (Writer* const writer : writers_) writer->leave_record();
  return Settled::done;
}

bool Record::wait_for_room(Deadline deadline) {
  // So that one output seldom waits for room once others are out. It may still come to that: room
  // cannot be kept from other publishers.
  for (Writer* const writer : writers_) {
    const Append room = writer->room_for_prepared();
    if (room != Append::full && room != Append::rejected) continue;
    if (writer->wait_for_prepared(deadline) == Wake::timed_out) return false;
  }
  return true;
}

void Record::write(std::span<const RecordInput> inputs, std::span<Writer* const> outputs) {
  RecordLayout& record = layout();
  // relaxed, all of these: [X7] orders
  record.id.store(id_, kRelaxed);
  record.settler.store(settler_, kRelaxed);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    record.inputs[i].sequence.store(inputs[i].sequence, kRelaxed);
    record.inputs[i].word.store(inputs[i].word, kRelaxed);
  }
  record.input_count.store(static_cast<std::uint32_t>(inputs.size()), kRelaxed);
  std::vector<std::string> topics;
  std::map<const Writer*, std::size_t> used;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Writer& writer = *outputs[i];
    const std::string topic = writer.ring().topic_file();
    auto known = std::find(topics.begin(), topics.end(), topic);
    if (known == topics.end()) {
      store_text(record.topics[topics.size()], topic);
      known = topics.insert(topics.end(), topic);
    }
    const RecordPlace place{static_cast<std::uint32_t>(known - topics.begin()), writer.lane(),
                            writer.prepared_slot(used[&writer]++)};
    record.outputs[i].place.store(place.pack(), kRelaxed);
    record.outputs[i].out.store(0, kRelaxed);
  }
  record.output_count.store(static_cast<std::uint32_t>(outputs.size()), kRelaxed);
}

Settled Record::roll_back(SettledInputs& words, std::span<const RecordInput> begun, Settled why) {
  for (const RecordInput& input : begun) words.undo(input, settler_);
  const auto state = RecordWord::unpack(layout().state.load(kRelaxed));  // relaxed: ours
  if (state.state == RecordState::prepared &&
      !change_state(RecordState::prepared, RecordState::free)) {
    return Settled::stale;
  }
  for (Writer* const writer : writers_) {
    writer->discard_prepared();
    writer->leave_record();
  }
  return why;
}

bool Record::publish(std::span<Writer* const> outputs) {
  const auto notify = [this] {
    for (Writer* const writer : writers_) writer->notify();
  };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Atomic<std::uint64_t>& out = layout().outputs[i].out;
    Append result = outputs[i]->publish_prepared(out);
    while (result == Append::full || result == Append::rejected) {
      notify();
      outputs[i]->wait_for_prepared(Deadline::never());
      result = outputs[i]->publish_prepared(out);
    }
    if (result == Append::done) continue;
    if (result == Append::stale) return false;
    // Its topic is gone, or damaged: nobody will ever read it.
    outputs[i]->drop_prepared();
    out.store(kOutputVoid, kRelaxed);  // relaxed: [X7] orders
  }
  notify();
  return true;
}

std::optional<std::uint64_t> Record::sequence_of(std::size_t i) const {
  const std::uint64_t out = layout().outputs[i].out.load(kRelaxed);  // relaxed: ours
  if (out == kOutputVoid) return std::nullopt;
  return out;
}

}  // namespace tow::shm
