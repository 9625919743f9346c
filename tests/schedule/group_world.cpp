#include "group_world.hpp"

#include <cstring>

#include "explorer.hpp"
#include "towpath/shm/fields.hpp"
#include "towpath/shm/repair.hpp"

namespace tow::schedule {
namespace {

using shm::kAcquire;
using shm::kRelaxed;
using shm::Leased;

std::size_t epoch_of(const shm::Lease& lease) { return shm::GroupWord::unpack(lease.bits).epoch; }

std::string text_of(std::uint64_t sequence) { return "message " + std::to_string(sequence); }

}  // namespace

shm::GroupOptionsLayout plain_group() {
  shm::GroupOptionsLayout options{};
  options.slot_count = 16;
  options.mode = static_cast<std::uint32_t>(shm::GroupMode::shared);
  options.max_attempts = shm::kMaxDeliveryAttempts;
  return options;
}

GroupWorld::GroupWorld(const WorldOptions& options, shm::GroupOptionsLayout group)
    : World(options) {
  group.slot_count = options.slots;
  const shm::StartAt start{shm::StartAt::Kind::sequence, 1};
  for (std::size_t i = 0; i < options.members; ++i) {
    groups_.push_back(shm::Group::create(ring(i), "g", group, start).value());
  }
  const auto folder = shm::Directory::open(directory().path_of("groups/g")).value();
  remember(folder, "state", shm::SegmentKind::group);
  for (std::uint32_t k = 0; k < options.readers; ++k) {
    remember(ring(0)->readers(), shm::file_name(k), shm::SegmentKind::reader);
  }
  remember(ring(0)->readers(), "board", shm::SegmentKind::board);
}

Workshop::Workshop(const shm::GroupOptionsLayout& group, const WorldOptions& options)
    : world(options, group) {}

void Workshop::begin(std::uint64_t messages) {
  for (auto& consumer : consumers_) consumer.reset();
  for (auto& hand : hands_) hand.clear();
  writer.reset();
  world.reset();
  dead = {};
  epochs_ = {};
  nobody_holds();
  writer = world.writer(0);
  publish(messages);
}

void Workshop::join(std::size_t member, std::uint32_t prefetch) {
  auto joined = shm::Consumer::attach(world.group(member), {.prefetch = prefetch});
  consumers_[member] = std::move(joined.value());
}

void Workshop::publish(std::uint64_t last, std::string_view key) {
  const shm::EncodedFields fields{shm::Fields{.key = key}};
  for (std::uint64_t n = writer->last_sequence() + 1; n <= last; ++n) {
    const Note note{1, n};
    if (writer->append(&note, sizeof note, fields.view()) != shm::Append::done) return;
    writer->notify();
  }
}

bool Workshop::take(std::size_t member) {
  alignas(16) std::byte buffer[shm::kMaxInlineBytes];
  shm::Received received;
  shm::Lease lease;
  shm::Consumer& consumer = *consumers_[member];
  if (consumer.try_take(lease, received, buffer) != Leased::message) return false;
  Note note;
  std::memcpy(&note, received.data, sizeof note);
  if (note.number != lease.sequence) fail(text_of(lease.sequence) + " is another");
  consumer.reader().release(received.hold);
  const std::uint64_t at = lease.sequence;
  const std::size_t holder = holders_[at];
  if (exclusive && holder != kNobody && !dead[holder]) fail(text_of(at) + " is held twice");
  Epoch& epoch = epochs_[epoch_of(lease)];
  // Where leases run out, it may have been another's already when it was told.
  const bool ours = exclusive || read_raw(&world.group(member)->word(at), 8) == lease.bits;
  if (ours && epoch.begun[at] != 0 && !lease.redelivered) fail(text_of(at) + " is not flagged");
  if (ours && epoch.acks[at] != 0) fail(text_of(at) + " comes again though it was settled");
  epoch.begun[at] = 1;
  holders_[at] = member;
  hands_[member].push_back(lease);
  return true;
}

shm::Lease Workshop::give(std::size_t member) {
  const shm::Lease lease = hands_[member].front();
  hands_[member].erase(hands_[member].begin());
  if (holders_[lease.sequence] == member) holders_[lease.sequence] = kNobody;
  return lease;
}

bool Workshop::ack(std::size_t member) {
  const shm::Lease lease = give(member);
  Epoch& epoch = epochs_[epoch_of(lease)];
  ++epoch.tries[lease.sequence];
  const bool acked = consumers_[member]->ack(lease);
  --epoch.tries[lease.sequence];
  if (!acked && exclusive) fail(text_of(lease.sequence) + " was taken from who lives");
  if (acked && ++epoch.acks[lease.sequence] > 1) fail(text_of(lease.sequence) + " settled twice");
  return acked;
}

void Workshop::release(std::size_t member) {
  const shm::Lease lease = give(member);
  if (!consumers_[member]->release(lease) && exclusive) fail("what was held is not released");
}

void Workshop::retry(std::size_t member, std::uint64_t wait_ns) {
  const shm::Lease lease = give(member);
  if (!consumers_[member]->retry(lease, wait_ns) && exclusive) fail("what was held is lost");
}

bool Workshop::sleep(std::size_t member, const std::function<bool()>& over) {
  const auto words = consumers_[member]->arm();
  if (consumers_[member]->ready()) return true;
  const auto due = world.layout().next_due.load(kAcquire);
  const auto rung = [words, due] {
    for (const shm::WaitWord& word : words) {
      if (word.word->load(kAcquire) != word.seen) return true;
    }
    return due != 0;  // then it sleeps no longer than that
  };
  wait_until([=] { return rung() || over(); }, "a message");
  return rung();
}

void Workshop::work(std::size_t member, std::size_t count, const std::function<bool()>& over) {
  while (count != 0) {
    if (take(member)) {
      if (ack(member)) --count;
    } else if (!sleep(member, over)) {
      return;
    }
  }
}

void Workshop::died(std::size_t member) {
  dead[member] = true;
  world.kill(member);
}

void Workshop::repair(std::size_t member) {
  shm::repair_topic(world.directory(), world.participants(member));
}

bool Workshop::acked(std::uint64_t sequence) const {
  const std::size_t epoch = world.group(kLast)->position().epoch;
  return epochs_[epoch].acks[sequence] != 0;
}

bool Workshop::maybe_acked(std::uint64_t sequence) const {
  const std::size_t epoch = world.group(kLast)->position().epoch;
  return acked(sequence) || epochs_[epoch].tries[sequence] != 0;
}

void Workshop::close_books(std::uint64_t first) {
  const std::uint64_t low = world.group(kLast)->position().low;
  for (std::uint64_t n = first; n < low; ++n) {
    if (!maybe_acked(n)) fail("the low mark is beyond " + text_of(n) + ", which is unsettled");
  }
  for (std::size_t i = 0; i < kMembers; ++i) {
    if (!dead[i]) consumers_[i].reset();  // who lives leaves
  }
  nobody_holds();
  // Whatever waits for its time: actors' clocks are not this one's.
  for (std::uint64_t n = 0; n < world.geometry().slot_count(); ++n) {
    world.group(kLast)->due(n).store(0, kRelaxed);
  }
  join(kLast, 8);  // repairs
  for (int idle = 0; idle < 2;) {
    if (take(kLast)) {
      ack(kLast);
    } else {
      ++idle;
    }
  }
  const std::uint64_t tail = world.ring(kLast)->tail();
  for (std::uint64_t n = first; n <= tail; ++n) {
    if (!maybe_acked(n)) fail(text_of(n) + " is lost to the group");
  }
  leave(kLast);
  if (world.group(kLast)->position().low != tail + 1) fail("the low mark is stuck");
  for (const shm::ConsumerLayout& entry : world.layout().consumers) {
    if (entry.owner.load(kAcquire) != 0) fail("a consumer's entry is left");
  }
}

}  // namespace tow::schedule
