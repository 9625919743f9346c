// Messages that are whole before it is decided whether they go out, and then go out exactly once,
// whoever finishes it. "Prepared messages" in docs/memory_model.md has the argument.

#include "towpath/shm/text_words.hpp"
#include "towpath/shm/writer.hpp"

namespace tow::shm {

Append Writer::room_for_prepared() {
  const std::uint64_t count = in_record_ != 0 || prepared_.empty() ? 1 : prepared_.size();
  return scan_readers(next_candidate() + count - 1);
}

void Writer::enter_record(std::string_view path, std::uint64_t id) {
  LaneLayout& header = *lane_.header();
  store_text(header.record, path);
  // [X3] release, pairs with [X4]: the path before the id. Dies behind this: whoever repairs reads
  // the record first, and finds no such settlement in it, or finishes it.
  header.in_record.store(id, kRelease);
  in_record_ = id;
}

void Writer::leave_record() {
  in_record_ = 0;
  // [X3] release: whatever became of the prepared messages, before the lane may change hands.
  lane_.header()->in_record.store(0, kRelease);
}

bool Writer::pin(std::uint64_t sequence) {
  order_->pins[lane_number_].store(sequence, kRelaxed);  // relaxed: the fence orders it
  const std::uint64_t bit = 1ULL << lane_number_ % 64;
  auto& bits = order_->pinned[lane_number_ / 64];
  // relaxed: our own bit, or a scan that looks at one pin more
  if ((bits.load(kRelaxed) & bit) == 0) bits.fetch_or(bit, kRelaxed);
  fence(kSeqCst);  // [X1] pairs with [L2]: the pin before the look at the limit
  // [L4] seq_cst, pairs with [L1]: publishers whose scan missed the pin overwrite up to here only.
  const std::uint64_t limit = order_->limit.load(kSeqCst);
  const std::uint64_t slots = ring_->geometry().slot_count();
  return limit < slots || sequence > limit - slots;
}

void Writer::unpin() {
  // [X2] release, pairs with [X2] in look_at_pins: our last look at the order, and the mark in the
  // record, before somebody overwrites what the pin kept.
  order_->pins[lane_number_].store(0, kRelease);
}

Append Writer::publish_slot(std::uint64_t slot_number, Atomic<std::uint64_t>& out) {
  constexpr int kMaxAttempts = 1 << 16;  // each lost race is somebody else's message
  const Geometry& geometry = ring_->geometry();
  SlotLayout* const slot = lane_.slot(slot_number);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    if (const Append state = check_alive(); state != Append::done) return state;
    const std::uint64_t sequence = next_candidate();
    if (sequence > limit_) {
      // Without a pin, or we might wait for ourselves.
      if (const Append room = scan_readers(sequence); room != Append::done) return room;
    }
    // Dies from here to the mark: whether the slot's name is out under the slot's number says all,
    // as long as the pin keeps the name from being overwritten.
    slot->sequence.store(sequence, kRelease);  // [P1] pairs with [R1]: payload before sequence
    if (pin(sequence)) {
      const std::uint64_t now = stamp_ticks(slot_number);
      Atomic<std::uint64_t>& word = ring_->index(sequence);
      std::uint64_t seen = word.load(kAcquire);  // [O2] pairs with [O1]
      const bool taken = geometry.lap_in(seen) >= geometry.lap_of(sequence);
      const std::uint64_t named = geometry.index_word(sequence, lane_number_, slot_number);
      // [O1] seq_cst, as in append_many.
      if (!taken && word.compare_exchange_strong(seen, named, kSeqCst)) {
        out.store(sequence, kRelease);  // [X5] before the pin goes: from here on it is known
        unpin();
        stamp(slot_number, sequence, now);
        known_ = last_own_ = sequence;
        return Append::done;
      }
    }
    slot->sequence.store(kBusy, kRelaxed);  // relaxed: its name is not out
    unpin();
  }
  return Append::damaged;
}

Append Writer::publish_prepared(Atomic<std::uint64_t>& out) {
  const std::uint64_t slot_number = position_ & slot_mask_;
  const Append result = publish_slot(slot_number, out);
  if (result != Append::done) return result;
  if (const auto& block = prepared_.front()) {
    outstanding_.push_back({last_own_, slot_number, *block});
  }
  prepared_.pop_front();
  ++position_;
  return Append::done;
}

void Writer::drop_prepared() {
  lane_.slot(position_ & slot_mask_)->sequence.store(0, kRelaxed);  // relaxed: nobody reads it
  if (prepared_.front()) pool_.free(*prepared_.front());
  prepared_.pop_front();
  ++position_;
}

void Writer::discard_prepared() {
  for (std::size_t i = 0; i < prepared_.size(); ++i) {
    lane_.slot(prepared_slot(i))->sequence.store(0, kRelaxed);  // relaxed: nobody reads it
    if (prepared_[i]) pool_.free(*prepared_[i]);
  }
  prepared_.clear();
}

Append Writer::finish_prepared(std::uint64_t slot_number, Atomic<std::uint64_t>& out) {
  slot_number &= slot_mask_;
  // relaxed: stored by the dead, and ordered by the proof of that
  const std::uint64_t sequence = lane_.slot(slot_number)->sequence.load(kRelaxed);
  if (sequence != 0 && (sequence & kBusy) == 0) {
    const std::uint64_t named = ring_->geometry().index_word(sequence, lane_number_, slot_number);
    if (ring_->index(sequence).load(kAcquire) == named) {  // [O2] pairs with [O1]
      out.store(sequence, kRelease);                       // [X5]
      unpin();
      return Append::done;
    }
    // Not out, and never under this number: it may lose its pin.
    lane_.slot(slot_number)->sequence.store(kBusy, kRelaxed);  // relaxed: as in publish_slot
  }
  unpin();
  const Append result = publish_slot(slot_number, out);
  if (result == Append::done) ++published_before_;
  return result;
}

Result<std::unique_ptr<Writer>> Writer::take_over(std::shared_ptr<Ring> ring, std::uint32_t lane,
                                                  std::uint64_t id) {
  const std::string file = ring->lanes().path_of(file_name(lane));
  const auto gone = [&] { return make_error(Code::not_found, file + " is in no settlement"); };
  if (lane >= ring->geometry().raw().max_publishers || !ring->geometry().many()) return gone();
  if (ring->removed()) return gone();
  std::unique_ptr<Writer> writer(new Writer(std::move(ring)));
  auto mapped = writer->ring_->map_lane(lane, Access::read_write);
  if (!mapped) return mapped.error();
  LaneLayout& header = *mapped->header();
  std::uint64_t owner = header.owner.load(kAcquire);  // [A1]
  // [X4] acquire, pairs with [X3]
  if (header.in_record.load(kAcquire) != id) return gone();
  Participants& participants = writer->ring_->participants();
  if (owner != 0 && participants.liveness(Token(owner)) != Liveness::dead) {
    return make_error(Code::already_exists, file + " is being repaired by somebody else");
  }
  // [A1] acq_rel. Dies behind this: a lane of the dead in the same settlement, as before.
  if (!header.owner.compare_exchange_strong(owner, participants.self().bits(), kAcqRel)) {
    return make_error(Code::already_exists, file + " is being repaired by somebody else");
  }
  // relaxed: statistics
  writer->published_before_ = header.published.load(kRelaxed);
  writer->lane_ = std::move(*mapped);
  writer->lane_number_ = lane;
  // From here on the writer's end gives the lane back. [X4] again: only now it is ours.
  if (header.in_record.load(kAcquire) != id) {
    writer->leave();
    return gone();
  }
  writer->in_record_ = id;
  writer->known_ = writer->ring_->tail();
  return writer;
}

}  // namespace tow::shm
