#include "towpath/shm/writer.hpp"

#include <algorithm>
#include <bit>

namespace tow::shm {
namespace {

std::uint16_t hash_key(std::string_view key) {
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325;  // FNV-1a (Fowler, Noll, Vo)
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01B3;
  const auto folded = static_cast<std::uint16_t>(hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48);
  return folded == 0 ? 1 : folded;  // 0 means "no key"
}

SlotMeta describe(std::uint32_t payload_bytes, bool in_pool, std::string_view key) {
  SlotMeta meta{.payload_bytes = payload_bytes, .in_pool = in_pool};
  if (!key.empty()) {
    meta.key_hash = hash_key(key);
    meta.fields = kFieldKey;
  }
  return meta;
}

std::size_t field_bytes(std::string_view key) { return key.empty() ? 0 : 1 + key.size(); }

/// The fields that follow the payload: a length byte and the key.
void put_fields(std::byte* at, std::string_view key) {
  if (key.empty()) return;
  *at = static_cast<std::byte>(key.size());
  std::memcpy(at + 1, key.data(), key.size());
}

/// From this size on string instructions win: they fetch no line only to overwrite it. (Measured
/// for 64 KiB and 1 MiB: half the time of plain stores.)
[[maybe_unused]] constexpr std::size_t kStringBytes = 4096;

}  // namespace

void copy_payload(std::byte* to, const void* from, std::size_t bytes) {
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (bytes >= kStringBytes) {
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return;
  }
#endif
  if (bytes != 0) std::memcpy(to, from, bytes);
}

void fill_payload(std::byte* to, std::byte value, std::size_t bytes) {
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (bytes >= kStringBytes) {
    asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
    return;
  }
#endif
  if (bytes != 0) std::memset(to, static_cast<int>(value), bytes);
}

std::uint16_t key_hash(std::string_view key) { return key.empty() ? 0 : hash_key(key); }

Append Writer::append(const void* payload, std::uint32_t payload_bytes, std::string_view key) {
  const std::size_t stored = payload_bytes + field_bytes(key);
  if (stored <= inline_bytes_) {
    if (key.empty()) {
      const std::uint64_t meta = SlotMeta{.payload_bytes = payload_bytes}.pack();
      return append_slot([=](SlotLayout* slot) {
        slot->meta.store(meta, kRelaxed);  // relaxed: [P1] orders
        store_words(LaneView::payload(slot), payload, payload_bytes);
      });
    }
    alignas(16) std::byte whole[kMaxInlineBytes];
    copy_payload(whole, payload, payload_bytes);
    put_fields(whole + payload_bytes, key);
    const SlotMeta meta = describe(payload_bytes, false, key);
    return append_slot([&](SlotLayout* slot) {
      slot->meta.store(meta.pack(), kRelaxed);  // relaxed: [P1] orders
      store_words(LaneView::payload(slot), whole, stored);
    });
  }
  const auto block = loan(stored);
  if (!block) {
    const Append state = check_alive();
    return state == Append::done ? Append::pool_full : state;
  }
  copy_payload(data(*block), payload, payload_bytes);
  const Append result = append_loan(*block, payload_bytes, key);
  if (result != Append::done) return_loan(*block);
  return result;
}

Append Writer::append_loan(Block block, std::uint32_t payload_bytes, std::string_view key) {
  put_fields(data(block) + payload_bytes, key);
  const SlotMeta meta = describe(payload_bytes, true, key);
  const std::uint64_t slot_number = (many_ ? position_ : next_) & slot_mask_;
  const Append result = append_slot([&](SlotLayout* slot) {
    slot->meta.store(meta.pack(), kRelaxed);  // relaxed: [P1] orders, as for the payload words
    LaneView::payload(slot)[0].store(block.offset, kRelaxed);
    LaneView::payload(slot)[1].store(payload_bytes + field_bytes(key), kRelaxed);
  });
  if (result == Append::done) outstanding_.push_back({last_sequence(), slot_number, block});
  return result;
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
  limit_ = lowest ? std::min(target, *lowest + slots - 1) : target;
  // Payloads of slots overwritten since: used again while their lines are warm, instead of all the
  // pool in turn.
  if (!retired_.empty()) free_unheld();
  count_published();
  if (ring_->broken()) return limit_ = 0, Append::removed;
  return sequence <= limit_ ? Append::done : Append::full;
}

void Writer::count_published() {
  // relaxed: statistics
  lane_.header()->published.store(many_ ? published_before_ + position_ : next_ - 1, kRelaxed);
}

bool Writer::own_slot_passed(const SlotLayout* slot) {
  const Geometry& geometry = ring_->geometry();
  if (geometry.lane_slot_count() == geometry.slot_count()) return true;
  // A lane shallower than the order: the slot's old message may be within a required reader's
  // reach, and within that of one who joins, which `limit` alone would not tell.
  const auto sequence_in = [](const SlotLayout* cell) {
    return cell->sequence.load(kRelaxed) & ~kBusy;  // relaxed: our own word
  };
  const std::uint64_t old = sequence_in(slot);
  if (old <= passed_) return true;
  const std::uint64_t quarter = geometry.lane_slot_count() / 4;
  const std::uint64_t ahead = sequence_in(lane_.slot((position_ + quarter) & slot_mask_));
  // [L1] as in take_back(): whoever joins from here on starts behind what is overwritten, up to a
  // quarter of the lane from here, so that not every message scans.
  raise_to(order_->limit, std::min(std::max(old, ahead), known_) + geometry.slot_count(), kSeqCst);
  return make_room(known_ + 1) == Append::done && old <= passed_;
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
  if (!many_) return make_room(next_);
  const std::uint64_t sequence = next_candidate();
  const Append room = make_room(sequence);
  if (room != Append::done) return room;
  return own_slot_passed(lane_.slot(position_ & slot_mask_)) ? Append::done : Append::full;
}

Wake Writer::wait_for_room(Append reason, std::uint64_t bytes, Deadline deadline) {
  if (reason != Append::full && reason != Append::pool_full) return Wake::changed;
  // The one in the way may die while we sleep, and nobody rings for the dead: look soon, then
  // rarely.
  std::uint64_t piece_ns = 1'000'000;
  while (true) {
    // [D3] mirrored: publishers sleep, readers ring after making room [D10].
    const std::uint32_t seen = Doorbell::announce(board_->room_bell, order_->room_want);
    fence(kSeqCst);  // [D4] mirrored
    if (try_room(reason, bytes) != reason) return Wake::changed;
    if (readers_.release_dead()) continue;
    if (deadline.passed()) return Wake::timed_out;
    futex_wait(board_->room_bell, seen, deadline.within(piece_ns));
    piece_ns = std::min(piece_ns * 2, kWaitPieceNs);
  }
}

bool Writer::release_dead() { return readers_.release_dead(); }

std::string Writer::blocked_by() const { return readers_.blocker_text(); }

}  // namespace tow::shm
