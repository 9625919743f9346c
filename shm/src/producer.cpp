#include "towpath/shm/producer.hpp"

#include <algorithm>

#include "towpath/shm/fork.hpp"

namespace tow::shm {
namespace {

/// The producer field of a message that may change meanwhile: within bounds, whatever it says.
ProducerField producer_of(const Ring& ring, const LaneView& lane, SlotLayout* slot) {
  // relaxed, all of these: the caller looks at the sequence again [R2]
  const SlotMeta meta = SlotMeta::unpack(slot->meta.load(kRelaxed));
  if ((meta.fields & kFieldProducer) == 0) return {};
  const auto view = [&](const std::byte* data, std::uint64_t stored) -> ProducerField {
    if (meta.payload_bytes > stored) return {};
    const auto bytes = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(stored - meta.payload_bytes, kMaxFieldBytes));
    return FieldsView{data + meta.payload_bytes, bytes, meta.fields, meta.key_hash}.producer();
  };
  Atomic<std::uint64_t>* const words = LaneView::payload(slot);
  if (!meta.in_pool) {
    const std::size_t stored = ring.geometry().inline_bytes();
    alignas(16) std::byte copy[kMaxInlineBytes];
    for (std::size_t at = 0; at < stored; at += 8) {
      const std::uint64_t word = words[at / 8].load(kRelaxed);
      std::memcpy(copy + at, &word, 8);
    }
    return view(copy, stored);
  }
  const std::uint64_t offset = words[0].load(kRelaxed), stored = words[1].load(kRelaxed);
  const std::uint64_t pool = ring.geometry().raw().pool_bytes;
  if (offset > pool || stored > pool - offset) return {};
  return view(lane.pool + offset, stored);
}

bool is_out(const Ring& ring, std::uint64_t sequence, std::uint32_t lane, std::uint64_t slot) {
  if (sequence == 0 || (sequence & kBusy) != 0) return false;
  if (!ring.geometry().many()) return true;  // the slot itself is the commit
  // [O2] pairs with [O1]
  return ring.index(sequence).load(kAcquire) == ring.geometry().index_word(sequence, lane, slot);
}

}  // namespace

std::vector<ProducerField> producers_in(const Ring& ring, const LaneView& lane,
                                        std::uint32_t number) {
  std::vector<ProducerField> found;
  for (std::uint64_t i = 0; i < ring.geometry().lane_slot_count(); ++i) {
    SlotLayout* const slot = lane.slot(i);
    const std::uint64_t sequence = slot->sequence.load(kAcquire);  // [R1] pairs with [P1]
    if (!is_out(ring, sequence, number, i)) continue;
    const ProducerField field = producer_of(ring, lane, slot);
    fence(kAcquire);  // [R2] pairs with [P3]
    if (slot->sequence.load(kRelaxed) != sequence || field.name_hash == 0) continue;
    const auto known = std::find_if(found.begin(), found.end(), [&](const ProducerField& other) {
      return other.name_hash == field.name_hash;
    });
    if (known == found.end()) {
      found.push_back(field);
    } else {
      known->number = std::max(known->number, field.number);
    }
  }
  return found;
}

void raise_producers(const Ring& ring, const LaneView& lane, std::uint32_t number) {
  const auto directory = ring.directory().open_child("producers");
  if (!directory) return;  // there are none
  const auto found = producers_in(ring, lane, number);
  if (found.empty()) return;
  for (const std::string& name : directory->names()) {
    const auto file =
        Segment::open(*directory, name, SegmentKind::producer, Access::read_write, kPage);
    if (!file || file->size() < sizeof(ProducerLayout)) continue;
    auto& layout = *file->as<ProducerLayout>();
    for (const ProducerField& field : found) {
      if (field.name_hash != layout.name_hash || field.number > kMaxProducerNumber) continue;
      raise_to(layout.number, field.number, kAcqRel);  // [N1] before we overwrite the message
    }
  }
}

Result<std::unique_ptr<Producer>> Producer::attach(std::shared_ptr<Ring> ring,
                                                   const std::string& file_name,
                                                   std::uint64_t name_hash, std::uint32_t lane) {
  auto directory = ring->directory().make_child("producers", ring->file_mode());
  if (!directory) return directory.error();
  const auto open = [&] {
    return Segment::open(*directory, file_name, SegmentKind::producer, Access::read_write);
  };
  auto segment = open();
  if (!segment && segment.error() == Code::not_found) {
    segment = Segment::create(
        *directory, file_name, {SegmentKind::producer, sizeof(ProducerLayout), ring->file_mode()},
        [&](std::byte* data) { reinterpret_cast<ProducerLayout*>(data)->name_hash = name_hash; });
    if (!segment && segment.error() == Code::already_exists) segment = open();
  }
  if (!segment) return segment.error();
  const std::string path = directory->path_of(file_name);
  if (segment->size() < sizeof(ProducerLayout) ||
      segment->as<ProducerLayout>()->name_hash != name_hash) {
    return make_error(Code::corrupt, path + " is not this producer's; delete it");
  }
  auto& layout = *segment->as<ProducerLayout>();
  Participants& participants = ring->participants();
  std::uint64_t owner = layout.owner.load(kAcquire);  // [N2]
  // [N2] acq_rel, pairs with itself: the last owner's numbers. Dies here: the file of a dead owner.
  if ((owner != 0 && participants.liveness(Token(owner)) != Liveness::dead) ||
      !layout.owner.compare_exchange_strong(owner, participants.self().bits(), kAcqRel)) {
    return make_error(Code::publisher_exists,
                      path +
                          ": a publisher that lives is this producer; end it, or use another "
                          "name");
  }
  std::unique_ptr<Producer> producer(new Producer(std::move(ring), std::move(*segment), name_hash));
  producer->learn(lane);
  return producer;
}

Producer::Producer(std::shared_ptr<Ring> ring, Segment segment, std::uint64_t name_hash)
    : ring_(std::move(ring)),
      segment_(std::move(segment)),
      name_hash_(name_hash),
      fork_count_(fork_count()) {}

Producer::~Producer() {
  if (fork_count_ != fork_count()) return;
  std::uint64_t owner = ring_->participants().self().bits();
  layout().owner.compare_exchange_strong(owner, 0, kAcqRel);  // [N2]
}

void Producer::learn(std::uint32_t lane) {
  // What the last publisher had committed and not yet written down. The lane first: who adopted it
  // since has raised the number [N1] before it overwrote a message, so if we miss that we see this.
  const std::uint64_t last_lane = layout().lane.load(kRelaxed);  // relaxed: ours, [N2] orders
  if (last_lane != 0 && last_lane <= ring_->geometry().raw().max_publishers) {
    const auto number = static_cast<std::uint32_t>(last_lane - 1);
    if (const auto view = ring_->map_lane(number, Access::read_only)) {
      for (const ProducerField& field : producers_in(*ring_, *view, number)) {
        if (field.name_hash == name_hash_ && field.number <= kMaxProducerNumber) {
          raise_to(layout().number, field.number, kAcqRel);  // [N1]
        }
      }
    }
  }
  last_ = std::min(layout().number.load(kAcquire), kMaxProducerNumber);  // [N1]
  // From here on our messages are to be looked for there. Dies before: in the old lane, which says
  // what it said.
  layout().lane.store(lane + 1, kRelease);  // [N2]
}

void Producer::published(std::uint64_t number) {
  last_ = std::max(last_, number);
  layout().number.store(last_, kRelaxed);  // relaxed: the message itself says it to who repairs
}

}  // namespace tow::shm
