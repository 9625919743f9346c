// A group's words as settlements use them.

#include "towpath/shm/group_inputs.hpp"

#include "towpath/shm/clock.hpp"

namespace tow::shm {

bool GroupInputs::change(const RecordInput& input, GroupWord from, std::uint64_t to) const {
  std::uint64_t bits = from.pack();
  // [G1] acq_rel, as every change of a word.
  return word_of(input).compare_exchange_strong(bits, to, kAcqRel);
}

GroupWord GroupInputs::settling(const RecordInput& input, std::uint32_t settler) {
  GroupWord word = GroupWord::unpack(input.word);
  word.state = WordState::settling;
  word.who = static_cast<std::uint16_t>(settler);
  return word;
}

bool GroupInputs::begin(const RecordInput& input, std::uint32_t settler) {
  return change(input, GroupWord::unpack(input.word), settling(input, settler).pack());
}

void GroupInputs::undo(const RecordInput& input, std::uint32_t settler) {
  change(input, settling(input, settler), input.word);
}

void GroupInputs::finish(const RecordInput& input, std::uint32_t settler) {
  GroupWord done = settling(input, settler);
  done.state = WordState::done;
  done.who = 0;
  change(input, settling(input, settler), done.pack());
}

void GroupInputs::fail(const RecordInput& input, std::uint32_t settler) {
  if (GroupWord::unpack(input.word).state == WordState::dead) return undo(input, settler);
  SeenWord seen{&word_of(input), settling(input, settler).pack(), settling(input, settler)};
  Atomic<std::uint64_t>& due = tables_.due[index_of(input)];
  if (!fail_word(seen, due, tables_.options, monotonic_ns())) return;
  returned_ = true;
  // relaxed: ours, as stored by fail_word
  if (seen.means.state == WordState::delayed) tables_.lower_next_due(due.load(kRelaxed));
}

void GroupInputs::announce() {
  if (returned_) tables_.announce_returns();
}

Result<std::unique_ptr<SettledInputs>> open_group_inputs(const Directory& group) {
  auto file = Segment::open(group, "state", SegmentKind::group, Access::read_write);
  if (!file) return file.error();
  auto tables = GroupTables::of(*file, group.path_of("state"));
  if (!tables) return tables.error();
  return std::unique_ptr<SettledInputs>(new GroupInputs(*tables, std::move(*file)));
}

}  // namespace tow::shm
