#include "towpath/shm/reader.hpp"

#include <time.h>

#include <algorithm>
#include <bit>
#include <limits>

namespace tow::shm {

Reader::Reader(std::shared_ptr<Ring> ring)
    : ring_(std::move(ring)),
      order_(&ring_->order()),
      board_(&ring_->board()),
      first_lane_(&ring_->first_lane()),
      many_(ring_->geometry().many()),
      slot_mask_(ring_->geometry().lane_slot_count() - 1),
      stride_(ring_->geometry().cursor_stride()),
      pool_share_(ring_->geometry().raw().pool_bytes / 8),
      inline_bytes_(ring_->geometry().inline_bytes()),
      slot_lines_(static_cast<unsigned>(ring_->geometry().raw().slot_bytes / kCacheLine)),
      stamp_mask_(ring_->geometry().stamps() ? (1ULL << ring_->geometry().raw().stamp_shift) - 1
                                             : std::numeric_limits<std::uint64_t>::max()),
      stamp_shift_(ring_->geometry().raw().stamp_shift),
      lanes_(many_ ? ring_->geometry().raw().max_publishers : 0),
      fork_count_(fork_count()) {}

Reader::Located::State Reader::map_lane(std::uint32_t number) {
  using State = Located::State;
  auto mapped = ring_->map_lane(number, Access::read_only);
  if (mapped) {
    lanes_[number] = std::move(*mapped);
    return State::found;
  }
  failure_ = mapped.error();
  // A named lane exists and is whole; anything else is damage, and the rest (no descriptors, no
  // right to read) may pass.
  const bool damaged = failure_ == Code::not_found || failure_ == Code::corrupt;
  return damaged ? State::damaged : State::unreachable;
}

void Reader::remember_lane(std::uint32_t number, const LaneView& view, std::uint64_t slot_number) {
  const std::byte* const next = view.slot_bytes((slot_number + 1) & slot_mask_);
  std::size_t i = 0;
  while (i + 1 < kRecentLanes && expected_lane_[i] != number) ++i;
  for (; i > 0; --i) {
    expected_[i] = expected_[i - 1];
    expected_lane_[i] = expected_lane_[i - 1];
  }
  expected_[0] = next;
  expected_lane_[0] = number;
}

Take Reader::try_take(Received& out, std::byte* buffer) {
  using State = Located::State;
  constexpr int kMaxLosses = 8;  // then the caller may try again: each round skips ahead
  for (int round = 0; round < kMaxLosses; ++round) {
    if (evictable_ && is_evicted()) return Take::evicted;
    const Located at = locate();
    State state = at.state;
    if (state == State::found) {
      // [R1] acquire, pairs with [P1]: sequence before payload.
      state = meaning_of(at.slot->sequence.load(kAcquire));
    }
    switch (state) {
      case State::empty:
        return idle();
      case State::damaged:
        return skip_damaged();
      case State::unreachable:
        return Take::unreachable;
      case State::lost:
        if (const Take take = lost_here(); take != Take::empty) return take;
        break;
      case State::found:
        if (const Take take = read_slot(at, out, buffer); take != Take::empty) return take;
        break;
    }
  }
  return is_hopeless() ? Take::damaged : Take::empty;
}

Take Reader::take_at(std::uint64_t sequence, Received& out, std::byte* buffer) {
  using State = Located::State;
  constexpr int kMaxRaces = 4;  // each lost to a publisher that overwrites it
  for (int race = 0; race < kMaxRaces; ++race) {
    next_ = published_cursor_ = sequence;  // its own cursor means nothing
    const Located at = locate();
    State state = at.state;
    // [R1] acquire, pairs with [P1]: sequence before payload.
    if (state == State::found) state = meaning_of(at.slot->sequence.load(kAcquire));
    if (state == State::empty) return Take::empty;
    if (state == State::unreachable) return Take::unreachable;
    if (state != State::found) return ring_->broken() ? Take::removed : Take::damaged;
    if (const Take take = read_slot(at, out, buffer); take != Take::empty) return take;
  }
  return Take::damaged;
}

std::optional<std::uint64_t> Reader::age_ticks(std::uint64_t sequence) {
  next_ = sequence;
  const Located at = locate();
  if (at.state != Located::State::found || (at.slot_number & stamp_mask_) != 0) return std::nullopt;
  if (stamp_shift_ == kNoStamps) return std::nullopt;
  // relaxed: its mark says whose it is
  const std::uint64_t bits = at.lane->stamps[at.slot_number >> stamp_shift_].load(kRelaxed);
  return Stamp::elapsed(bits, sequence, ticks());
}

void Reader::prefetch_at(std::uint64_t sequence) {
  if (!many_) return prefetch_for_read(first_lane_->slot(sequence & slot_mask_));
  next_ = sequence;
  if (const Located at = locate_many(); at.slot != nullptr) prefetch_for_read(at.slot);
}

bool Reader::is_hopeless() {
  constexpr std::uint64_t kMaxFruitless = 1000;
  if (std::exchange(received_then_, received_) != received_) fruitless_ = 0;
  return ++fruitless_ % kMaxFruitless == 0;
}

Take Reader::idle() {
  if (run_ != 0 || published_cursor_ != next_) {
    record_latency();
    constexpr std::uint64_t kLongRun = 8;
    ease_ = run_ >= kLongRun;
    run_ = 0;
    // A few inline messages never leave a publisher waiting (see [L9]); payloads and skipped
    // messages may.
    if (unpublished_bytes_ != 0 || next_ - published_cursor_ >= stride_) {
      publish_cursor();
    } else {
      store_counters();
    }
  }
  return ring_->removed() ? Take::removed : Take::empty;
}

bool Reader::is_evicted() const {
  // [E3] relaxed: the copy is validated by its slot; this only says why something is missing.
  return page_ != nullptr && order_->evicted[number_].load(kRelaxed) == claim_;
}

Take Reader::lost_here() {
  if (ring_->broken()) return Take::removed;
  if (is_evicted()) return Take::evicted;
  // Publishers stopped waiting for it when its process was taken for dead.
  if (!lossy_ && page_ != nullptr && !ring_->participants().still_member()) return Take::stale;
  skip_gap();
  return lossy_ ? Take::empty : Take::damaged;
}

void Reader::skip_gap() {
  const std::uint64_t to = std::max(next_ + 1, std::min(ring_->oldest(), ring_->tail() + 1));
  missed_ += to - next_;
  lost_ += to - next_;
  ++gaps_;
  next_ = to;
}

Take Reader::skip_damaged() {
  ++next_;
  ++lost_;
  ++gaps_;
  ++missed_;
  return Take::damaged;
}

Take Reader::read_slot(const Located& at, Received& out, std::byte* buffer) {
  // relaxed: all loads up to [R2] are validated by the second look at the sequence
  const SlotMeta meta = SlotMeta::unpack(at.slot->meta.load(kRelaxed));
  if (meta.in_pool) return read_pool(at, meta, out);
  const std::size_t payload = std::min<std::size_t>(meta.payload_bytes, inline_bytes_);
  // A fixed copy of the whole line is faster than a variable one; larger slots copy what is used.
  constexpr std::size_t kOneLine = kCacheLine - kSlotHeaderBytes;
  constexpr std::size_t kTwoLines = kOneLine + kCacheLine;
  if (inline_bytes_ == kOneLine) {
    load_words(LaneView::payload(at.slot), buffer, kOneLine);
  } else if (inline_bytes_ == kTwoLines && meta.fields != 0) {
    load_words(LaneView::payload(at.slot), buffer, kTwoLines);
  } else {
    const std::size_t used = meta.fields != 0 ? inline_bytes_ : payload;
    load_words(LaneView::payload(at.slot), buffer, (used + 7) / 8 * 8);
  }
  fence(kAcquire);  // [R2] pairs with [P3]: payload before the second look
  if (at.slot->sequence.load(kRelaxed) != next_) return Take::empty;  // overwritten: look again
  if (meta.payload_bytes > inline_bytes_) return skip_damaged();
  out.sequence = next_;
  out.data = buffer;
  out.payload_bytes = meta.payload_bytes;
  out.stored_bytes = static_cast<std::uint32_t>(inline_bytes_);
  out.key_hash = meta.key_hash;
  out.fields = meta.fields;
  out.hold = Received::kNoHold;
  out.missed = std::exchange(missed_, 0);
  if ((at.slot_number & stamp_mask_) == 0) [[unlikely]]
    note_arrival(at);
  took_one();
  return Take::message;
}

Take Reader::read_pool(const Located& at, const SlotMeta& meta, Received& out) {
  // relaxed: validated by the second look
  const std::uint64_t offset = LaneView::payload(at.slot)[0].load(kRelaxed);
  const std::uint64_t stored = LaneView::payload(at.slot)[1].load(kRelaxed);
  fence(kAcquire);  // [R2] pairs with [P3]
  if (at.slot->sequence.load(kRelaxed) != next_) return Take::empty;
  const std::uint64_t pool = ring_->geometry().raw().pool_bytes;
  if (offset % 64 != 0 || offset > pool || stored > pool - offset || meta.payload_bytes > stored ||
      stored > kMaxMessageBytes + kMaxFieldBytes) {
    return skip_damaged();
  }
  out.stored_bytes = static_cast<std::uint32_t>(stored);
  if (!keep_in_place(at, offset, out)) return Take::empty;
  out.sequence = next_;
  out.payload_bytes = meta.payload_bytes;
  out.key_hash = meta.key_hash;
  out.fields = meta.fields;
  out.missed = std::exchange(missed_, 0);
  if ((at.slot_number & stamp_mask_) == 0) [[unlikely]]
    note_arrival(at);
  // Not this message's own memory: that serves nobody before release(), which publishes the cursor
  // when nobody waits for the message any more.
  if (unpublished_bytes_ >= pool_share_) publish_cursor();
  took_one();
  unpublished_bytes_ += stored;
  if (out.hold == Received::kNoHold && unpublished_bytes_ >= pool_share_) publish_cursor();
  return Take::message;
}

bool Reader::keep_in_place(const Located& at, std::uint64_t offset, Received& out) {
  const std::byte* const payload = at.lane->pool + offset;
  if (free_holds_ == 0) {  // an observer, or too many held at once: a copy
    out.copy = std::make_unique_for_overwrite<std::byte[]>(out.stored_bytes);
    std::memcpy(out.copy.get(), payload, out.stored_bytes);
    fence(kAcquire);  // [R2] pairs with [H1], [P3]: the slot outlives the payload's memory
    out.data = out.copy.get();
    out.hold = Received::kNoHold;
    return at.slot->sequence.load(kRelaxed) == next_;
  }
  const int hold = std::countr_zero(free_holds_);
  auto& word = page_->holds[static_cast<std::size_t>(hold)];
  // [H5] For a required reader nothing more: its cursor protects the payload until it is published
  // past it, and that store [L9] comes after this one. (release: continues the sequence of [H6])
  word.store(Hold{at.lane_number, offset, out.stored_bytes}.pack(), kRelease);
  if (fenced_holds_) {
    fence(kSeqCst);  // [H4] pairs with [H2]: hold before the second look
    if (at.slot->sequence.load(kRelaxed) != next_) {
      word.store(0, kRelaxed);  // relaxed: nothing was read under it
      return false;
    }
  }
  free_holds_ &= ~(1ULL << hold);
  out.data = payload;
  out.hold = hold;
  return true;
}

void Reader::release(std::int32_t hold) {
  if (hold < 0 || page_ == nullptr || fork_count_ != fork_count()) return;
  // [H6] release, pairs with [H3]: our last access before the memory is free.
  page_->holds[static_cast<std::size_t>(hold)].store(0, kRelease);
  free_holds_ |= 1ULL << hold;
  if (unpublished_bytes_ >= pool_share_) {
    publish_cursor();
  } else {
    signal_room();
  }
}

void Reader::note_arrival(const Located& at) {
  // Without stamps the mask still lets slot 0 through.
  if (page_ == nullptr || stamp_shift_ == kNoStamps) return;
  record_latency();
  arrival_ = {&at.lane->stamps[at.slot_number >> stamp_shift_], next_, ticks()};
}

void Reader::record_latency() {
  if (arrival_.stamp == nullptr) return;
  const std::uint64_t bits = arrival_.stamp->load(kRelaxed);  // relaxed: its mark says whose it is
  const auto elapsed = Stamp::elapsed(bits, arrival_.sequence, arrival_.ticks);
  if (!elapsed) return;  // not written yet, or already another's
  record(std::span<Atomic<std::uint64_t>, kHistogramBuckets>(page_->latency), *elapsed);
  arrival_.stamp = nullptr;
}

void Reader::store_counters() {
  if (page_ == nullptr) return;
  // relaxed: statistics, one writer
  page_->received.store(received_, kRelaxed);
  page_->lost.store(lost_, kRelaxed);
  page_->gaps.store(gaps_, kRelaxed);
  // [L9] release, pairs with [L8]: our reads are over before they may be overwritten.
  page_->cursor.store(next_, kRelease);
  published_cursor_ = next_;
}

void Reader::publish_cursor() {
  unpublished_bytes_ = 0;
  if (page_ == nullptr) {
    published_cursor_ = next_;
    return;
  }
  store_counters();
  signal_room();
}

void Reader::signal_room() {
  fence(kSeqCst);  // [D10] pairs with [D3] mirrored: room before the look
  // Dies here: publishers look again after a piece of their wait.
  if (Doorbell::wanted(board_->room_bell, order_->room_want)) Doorbell::ring(board_->room_bell);
}

bool Reader::ready() const {
  if (many_) {
    prefetch_expected();
  }
  return ring_->published(next_) || ring_->removed() || (evictable_ && is_evicted());
}

std::uint64_t Reader::skip_to_latest() {
  const std::uint64_t tail = ring_->tail();
  if (tail < next_ + 1) return 0;
  const std::uint64_t skipped = tail - next_;
  next_ = tail;
  publish_cursor();
  return skipped;
}

std::uint64_t Reader::lag() const { return ring_->tail_from(next_ - 1) + 1 - next_; }

WaitWord Reader::arm() {
  if (published_cursor_ != next_) publish_cursor();
  const std::uint32_t seen = Doorbell::announce(order_->doorbell, board_->want);
  fence(kSeqCst);  // [D3] pairs with [D4], [D5]: want before the mode and before the second look
  // [D9] seq_cst, pairs with [D8]
  if (order_->wake_mode.load(kSeqCst) == static_cast<std::uint32_t>(WakeMode::asymmetric)) {
    // [D1] in every publisher: want before its next look. Where the kernel refuses, short sleeps.
    constexpr std::uint64_t kShortPieceNs = 1'000'000;
    wait_piece_ns_ = barrier_everywhere() ? kWaitPieceNs : kShortPieceNs;
  }
  return {&order_->doorbell, seen};
}

Wake Reader::wait_unseen(Deadline deadline) const {
  constexpr timespec kNap{0, 1'000'000};
  while (!ready()) {
    if (deadline.passed()) return Wake::timed_out;
    nanosleep(&kNap, nullptr);
  }
  return Wake::changed;
}

Wake Reader::wait(Deadline deadline, std::uint64_t spin_ns) {
  if (page_ == nullptr) return wait_unseen(deadline);
  if (std::exchange(ease_, false)) {
    // Close on the publisher's heels every message costs both sides a line transfer; a little
    // distance lets several cross together.
    for (int i = 0; i < 16; ++i) pause();
  }
  // At first without pauses: a message that comes during one waits for its end. Not in `many`:
  // there looks that follow too closely take the order's line back before the publisher could
  // commit.
  constexpr int kEagerLooks = 512, kLooks = 32;
  const int eager_looks = many_ || spin_ns == 0 ? 0 : kEagerLooks;
  for (int look = 0; look < eager_looks; ++look) {
    if (ready()) return Wake::changed;
  }
  const Deadline spin = deadline.within(spin_ns);
  do {
    for (int look = 0; look < kLooks; ++look) {
      if (ready()) return Wake::changed;
      pause();
    }
  } while (!spin.passed());
  bool rested = false;
  while (!deadline.passed()) {
    const WaitWord word = arm();
    if (ready()) return Wake::changed;
    const Deadline piece = deadline.within(wait_piece_ns(rested));
    rested = futex_wait(*word.word, word.seen, piece) == Wake::timed_out;
    if (ready()) return Wake::changed;
  }
  return Wake::timed_out;
}

}  // namespace tow::shm
