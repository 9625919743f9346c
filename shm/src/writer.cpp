#include "towpath/shm/writer.hpp"

#include <algorithm>
#include <bit>

namespace tow::shm {
namespace {

std::uint64_t describe(std::uint32_t payload_bytes, bool in_pool, FieldsView fields) {
  return SlotMeta{payload_bytes, in_pool, fields.key_hash, fields.bits}.pack();
}

}  // namespace

Append Writer::append(const void* payload, std::uint32_t payload_bytes, FieldsView fields) {
  const std::size_t stored = std::size_t{payload_bytes} + fields.bytes;
  if (stored <= inline_bytes_) {
    const std::uint64_t meta = describe(payload_bytes, false, fields);
    if (fields.bytes == 0) {
      return append_slot([=](SlotLayout* slot) {
        slot->meta.store(meta, kRelaxed);  // relaxed: [P1] orders
        store_words(LaneView::payload(slot), payload, payload_bytes);
      });
    }
    if (payload_bytes % sizeof(std::uint64_t) == 0) {
      return append_slot([=](SlotLayout* slot) {
        slot->meta.store(meta, kRelaxed);  // relaxed: [P1] orders
        Atomic<std::uint64_t>* const words = LaneView::payload(slot);
        store_words(words, payload, payload_bytes);
        store_words(words + payload_bytes / sizeof(std::uint64_t), fields.data, fields.bytes);
      });
    }
    alignas(16) std::byte whole[kMaxInlineBytes];
    copy_payload(whole, payload, payload_bytes);
    std::memcpy(whole + payload_bytes, fields.data, fields.bytes);
    return append_slot([&](SlotLayout* slot) {
      slot->meta.store(meta, kRelaxed);  // relaxed: [P1] orders
      store_words(LaneView::payload(slot), whole, stored);
    });
  }
  const auto block = loan(stored);
  if (!block) {
    const Append state = check_alive();
    return state == Append::done ? Append::pool_full : state;
  }
  copy_payload(data(*block), payload, payload_bytes);
  const Append result = append_loan(*block, payload_bytes, fields);
  if (result != Append::done) return_loan(*block);
  return result;
}

Append Writer::append_loan(Block block, std::uint32_t payload_bytes, FieldsView fields) {
  if (fields.bytes != 0) std::memcpy(data(block) + payload_bytes, fields.data, fields.bytes);
  const std::uint64_t meta = describe(payload_bytes, true, fields);
  const std::uint64_t slot_number = (many_ ? position_ : next_) & slot_mask_;
  const Append result = append_slot([&](SlotLayout* slot) {
    slot->meta.store(meta, kRelaxed);  // relaxed: [P1] orders, as for the payload words
    LaneView::payload(slot)[0].store(block.offset, kRelaxed);
    LaneView::payload(slot)[1].store(std::uint64_t{payload_bytes} + fields.bytes, kRelaxed);
  });
  if (result == Append::done) outstanding_.push_back({last_sequence(), slot_number, block});
  return result;
}

template <class Fill>
Append Writer::prepare_slot(const Fill& fill, std::optional<Block> block) {
  if (const Append state = check_alive(); state != Append::done) return state;
  // Half the lane: what is prepared must not keep the lane from ever finding room for it.
  if (!many_ || in_record_ != 0 || prepared_.size() > slot_mask_ / 2) return Append::prepared;
  const std::uint64_t position = position_ + prepared_.size();
  if (!slot_passed(position)) return Append::full;
  retire(position & slot_mask_);
  SlotLayout* const slot = lane_.slot(position & slot_mask_);
  // The number of no message: with the old one the slot would look as if its name were out already.
  slot->sequence.store(kBusy, kRelaxed);  // relaxed: the fence orders it
  fence(kRelease);                        // [P3] pairs with [R2]: busy before payload
  fill(slot);
  prepared_.push_back(block);
  limit_ = 0;  // the next append has to ask, and learns that it may not
  return Append::done;
}

Append Writer::prepare(const void* payload, std::uint32_t payload_bytes, FieldsView fields) {
  const std::size_t stored = std::size_t{payload_bytes} + fields.bytes;
  if (stored <= inline_bytes_) {
    alignas(16) std::byte whole[kMaxInlineBytes];
    copy_payload(whole, payload, payload_bytes);
    if (fields.bytes != 0) std::memcpy(whole + payload_bytes, fields.data, fields.bytes);
    const std::uint64_t meta = describe(payload_bytes, false, fields);
    return prepare_slot(
        [&](SlotLayout* slot) {
          slot->meta.store(meta, kRelaxed);  // relaxed: [P1] orders
          store_words(LaneView::payload(slot), whole, stored);
        },
        std::nullopt);
  }
  const auto block = loan(stored);
  if (!block) {
    const Append state = check_alive();
    return state == Append::done ? Append::pool_full : state;
  }
  copy_payload(data(*block), payload, payload_bytes);
  const Append result = prepare_loan(*block, payload_bytes, fields);
  if (result != Append::done) return_loan(*block);
  return result;
}

Append Writer::prepare_loan(Block block, std::uint32_t payload_bytes, FieldsView fields) {
  if (fields.bytes != 0) std::memcpy(data(block) + payload_bytes, fields.data, fields.bytes);
  const std::uint64_t meta = describe(payload_bytes, true, fields);
  return prepare_slot(
      [&](SlotLayout* slot) {
        slot->meta.store(meta, kRelaxed);  // relaxed: [P1] orders, as for the payload words
        LaneView::payload(slot)[0].store(block.offset, kRelaxed);
        LaneView::payload(slot)[1].store(std::uint64_t{payload_bytes} + fields.bytes, kRelaxed);
      },
      block);
}

Writer::Batch Writer::append_batch(const std::byte* payloads, std::size_t stride,
                                   std::uint32_t payload_bytes, std::size_t count) {
  if (payload_bytes <= inline_bytes_) {
    const std::uint64_t meta = SlotMeta{.payload_bytes = payload_bytes}.pack();
    return append_each(count, [=](SlotLayout* slot, std::size_t i) {
      slot->meta.store(meta, kRelaxed);  // relaxed: [P1] orders
      store_words(LaneView::payload(slot), payloads + i * stride, payload_bytes);
    });
  }
  for (std::size_t done = 0; done < count; ++done) {
    const Append result = append(payloads + done * stride, payload_bytes, {});
    if (result != Append::done) return {done, result};
  }
  return {count, Append::done};
}

void Writer::write_stamp(std::uint64_t slot_number, std::uint64_t bits) {
  const std::uint32_t shift = ring_->geometry().raw().stamp_shift;
  if (shift == kNoStamps) return;
  lane_.stamps[slot_number >> shift].store(bits, kRelaxed);  // relaxed: its mark says whose it is
}

Append Writer::check_alive() const {
  if (!ring_->participants().still_member()) return Append::stale;
  if (ring_->removed()) return Append::removed;
  return Append::done;
}

Append Writer::make_room(std::uint64_t sequence) {
  if (prepared_.empty()) return scan_readers(sequence);
  const Append state = check_alive();
  return state == Append::done ? Append::prepared : state;
}

Append Writer::scan_readers(std::uint64_t sequence) {
  if (const Append state = check_alive(); state != Append::done) return state;
  const std::uint64_t slots = ring_->geometry().slot_count();
  const std::uint64_t tail = sequence - 1;
  // Raised by a quarter only, not to tail + N as it may be: a reader that joins starts at limit - N
  // + 1 or later, so this is what keeps the newest three quarters of the ring readable for it.
  // [L1] seq_cst, pairs with [L4]. Dies here: a higher limit; others scan, nobody reads less.
  const std::uint64_t raised = raise_to(order_->limit, tail + slots / 4, kSeqCst);
  fence(kSeqCst);  // [L2] pairs with [L7]: limit before the scan
  const auto lowest = readers_.lowest_cursor(tail);
  // A limit that another writer raised further serves as well, within what the ring can hold.
  const std::uint64_t target = std::min(raised, tail + slots);
  // Who joins behind [L2] starts after raised - N, whatever this scan saw.
  passed_ = std::min(raised > slots ? raised - slots : 0, lowest.value_or(sequence) - 1);
  std::uint64_t allowed = lowest ? std::min(target, *lowest + slots - 1) : target;
  allowed = std::min(allowed, readers_.length_limit());
  // While messages are prepared every append has to ask, and learns so.
  limit_ = prepared_.empty() ? allowed : 0;
  // Payloads of slots overwritten since: used again while their lines are warm, instead of all the
  // pool in turn.
  if (!retired_.empty()) free_unheld();
  count_published();
  if (ring_->broken()) return limit_ = 0, Append::removed;
  if (sequence <= allowed) return Append::done;
  return readers_.blocker_rejects() ? Append::rejected : Append::full;
}

void Writer::count_published() {
  // relaxed: statistics
  lane_.header()->published.store(many_ ? published_before_ + position_ : next_ - 1, kRelaxed);
}

bool Writer::own_slot_passed() {
  const Geometry& geometry = ring_->geometry();
  if (geometry.lane_slot_count() == geometry.slot_count()) return true;
  // A lane shallower than the order: the slot's old message may be within a required reader's
  // reach, and within that of one who joins, which `limit` alone would not tell.
  return slot_passed(position_);
}

bool Writer::slot_passed(std::uint64_t position) {
  const Geometry& geometry = ring_->geometry();
  const auto sequence_at = [this](std::uint64_t at) {
    // relaxed: our own word
    return lane_.slot(at & slot_mask_)->sequence.load(kRelaxed) & ~kBusy;
  };
  const std::uint64_t old = sequence_at(position);
  if (old <= passed_) return true;
  const std::uint64_t ahead = sequence_at(position + geometry.lane_slot_count() / 4);
  // [L1] as in take_back(): whoever joins from here on starts behind what is overwritten, up to a
  // quarter of the lane from here, so that not every message scans.
  raise_to(order_->limit, std::min(std::max(old, ahead), known_) + geometry.slot_count(), kSeqCst);
  return scan_readers(known_ + 1) == Append::done && old <= passed_;
}

std::uint64_t Writer::next_candidate() {
  known_ = ring_->tail_from(known_);
  return known_ + 1;
}

void Writer::ring_bell() {
  // Of a broken topic everything is zeros, so want == bell, and every notify() comes here: the
  // next append looks closer.
  if (ring_->broken()) {
    limit_ = 0;
    return;
  }
  Doorbell::ring(order_->doorbell);
  if (!many_) {
    fenced_ = true;
    // [D8] seq_cst, pairs with [D9]: sleepers that read FENCED rely on our fences from here on.
    order_->wake_mode.store(static_cast<std::uint32_t>(WakeMode::fenced), kSeqCst);
  }
}

void Writer::notify_fenced() {
  fence(kSeqCst);  // [D4] pairs with [D3]: message before the look
  if (Doorbell::wanted(order_->doorbell, board_->want)) return ring_bell();
  if (!may_be_asymmetric_) return;
  // Nobody sleeps: from here on sleepers pay (membarrier), not we. Look again behind the change.
  order_->wake_mode.store(static_cast<std::uint32_t>(WakeMode::asymmetric), kSeqCst);  // [D8]
  fence(kSeqCst);  // [D4] pairs with [D3], [D9]
  fenced_ = false;
  if (Doorbell::wanted(order_->doorbell, board_->want)) ring_bell();
}

std::optional<Block> Writer::loan(std::uint64_t bytes) {
  if (auto block = pool_.allocate(bytes)) return block;
  // Each round frees at least a quarter more, so this ends.
  while (collect(bytes)) {
    if (auto block = pool_.allocate(bytes)) return block;
  }
  return std::nullopt;
}

bool Writer::collect(std::uint64_t bytes) {
  if (check_alive() != Append::done) return false;
  const std::uint64_t before = pool_.free_bytes();
  const std::uint64_t wanted = std::max(bytes, pool_.pool_bytes() / 4);
  std::uint64_t gathered = 0;
  auto end = outstanding_.begin();
  while (end != outstanding_.end() && gathered < wanted) gathered += (end++)->block.bytes;
  take_back(static_cast<std::size_t>(end - outstanding_.begin()));
  return pool_.free_bytes() > before;
}

void Writer::prepare_next(std::uint64_t bytes) {
  recycle(bytes);
  constexpr std::uint64_t kPrefetched = 4096;  // string instructions need none
  const auto next = bytes <= kPrefetched ? pool_.expected(bytes) : std::nullopt;
  if (!next) return;
  for (std::uint64_t at = 0; at < bytes; at += kCacheLine) {
    prefetch_for_write(lane_.pool + *next + at);
  }
}

void Writer::recycle(std::uint64_t bytes) {
  // Where the pool holds but a few such messages it is no history, and warm lines count more. But
  // where nobody is waited for it is all the slack that lossy readers have.
  constexpr std::uint64_t kFew = 5;
  if (bytes * kFew < pool_.pool_bytes() || outstanding_.size() < 2) return;
  if (readers_.lowest_cursor(many_ ? known_ : next_ - 1)) take_back(outstanding_.size() - 1);
}

void Writer::take_back(std::size_t count) {
  const std::uint64_t slots = ring_->geometry().slot_count();
  if (count != 0) {
    // [L1] as in make_room: whoever joins from here on starts behind what is reclaimed.
    raise_to(order_->limit, outstanding_[count - 1].sequence + slots, kSeqCst);
  }
  fence(kSeqCst);  // [L2] pairs with [L7]: limit before the scan
  const auto lowest = readers_.lowest_cursor(many_ ? known_ : next_ - 1);
  for (; count != 0; --count) {
    const Outstanding oldest = outstanding_.front();
    if (lowest && oldest.sequence >= *lowest) break;
    SlotLayout* const slot = lane_.slot(oldest.slot);
    // Unreadable from here on. `one`: as if the next lap had begun, so the prefix stays one.
    // Dies here: the message counts as overwritten; all who must had read it.
    const std::uint64_t gone = many_ ? oldest.sequence : oldest.sequence + slots;
    slot->sequence.store(gone | kBusy, kRelaxed);  // [H1] the fence in free_unheld orders it
    retired_.push_back(oldest.block);
    outstanding_.pop_front();
  }
  free_unheld();
}

void Writer::free_unheld() {
  fence(kSeqCst);  // [H2] pairs with [H4]: unreadable before the look at the holds
  const auto found = readers_.holds_of(lane_number_);
  if (!found) return;
  const std::vector<Hold>& holds = *found;
  if (!holds_known_) learn_holds(holds);
  std::erase_if(retired_, [&](const Block& block) {
    const auto hold = std::lower_bound(
        holds.begin(), holds.end(), block.offset,
        [](const Hold& candidate, std::uint64_t offset) { return candidate.offset < offset; });
    if (hold != holds.end() && hold->offset < block.offset + block.bytes) return false;
    pool_.free(block);
    return true;
  });
}

Append Writer::try_room(Append reason, std::uint64_t bytes) {
  if (reason == Append::pool_full) {
    const auto block = loan(bytes);
    if (block) return pool_.free(*block), Append::done;
    const Append state = check_alive();
    return state == Append::done ? Append::pool_full : state;
  }
  if (!many_) return scan_readers(next_);
  const Append room = scan_readers(next_candidate());
  if (room != Append::done) return room;
  return slot_passed(position_ + prepared_.size()) ? Append::done : Append::full;
}

Wake Writer::wait_for_room(Append reason, std::uint64_t bytes, Deadline deadline) {
  if (reason != Append::full && reason != Append::pool_full) return Wake::changed;
  return wait_until([&] { return try_room(reason, bytes) != reason; }, deadline);
}

Wake Writer::wait_for_prepared(Deadline deadline) {
  const auto has_room = [&] {
    const Append room = room_for_prepared();
    return room != Append::full && room != Append::rejected;
  };
  return wait_until(has_room, deadline);
}

template <class Changed>
Wake Writer::wait_until(const Changed& changed, Deadline deadline) {
  // The one in the way may die while we sleep, and nobody rings for the dead: look soon, then
  // rarely.
  std::uint64_t piece_ns = 1'000'000;
  while (true) {
    // [D3] mirrored: publishers sleep, readers ring after making room [D10].
    const std::uint32_t seen = Doorbell::announce(board_->room_bell, order_->room_want);
    fence(kSeqCst);  // [D4] mirrored
    if (changed()) return Wake::changed;
    if (readers_.release_dead()) continue;
    if (deadline.passed()) return Wake::timed_out;
    futex_wait(board_->room_bell, seen, deadline.within(piece_ns));
    piece_ns = std::min(piece_ns * 2, kWaitPieceNs);
  }
}

bool Writer::release_dead() { return readers_.release_dead(); }

std::string Writer::blocked_by() const { return readers_.blocker_text(); }

}  // namespace tow::shm
