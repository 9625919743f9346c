#pragma once
/// The write side of a ring: one lane, one owner, one thread at a time.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "towpath/shm/fields.hpp"
#include "towpath/shm/payload.hpp"
#include "towpath/shm/pool.hpp"
#include "towpath/shm/reader_table.hpp"
#include "towpath/shm/ring.hpp"
#include "towpath/shm/wait.hpp"

namespace tow::shm {

enum class Append : std::uint8_t {
  done,
  full,       ///< a required reader or a group has not passed yet
  rejected,   ///< the same, and the group wants it said at once: waiting is not what it is for
  pool_full,  ///< no payload memory: unread or held payloads use it up
  removed,    ///< the topic is gone, or a file of it was truncated (Ring::end_reason tells)
  stale,      ///< this process lost its membership
  damaged,    ///< the topic's shared words contradict themselves
  prepared,   ///< prepared messages have to be published or discarded first
};

/// Appends messages to a ring through one lane. Not thread-safe. The Ring must outlive it (it holds
/// a share). Nothing here waits except wait_for_room().
///
/// Dies anywhere: what was committed stays; the lane's owner word names a dead participant, and the
/// next writer adopts the lane (attach) after the last committed message.
class Writer {
 public:
  /// Adopts a free or orphaned lane, or makes one. Errors: publisher_exists, too_many,
  /// no_permission, no_space, removed.
  static Result<std::unique_ptr<Writer>> attach(std::shared_ptr<Ring> ring);
  ~Writer();
  Writer(const Writer&) = delete;
  /// Gives the lane back; the end of a writer does the same. Afterwards it is of no more use.
  void leave();

  /// Appends a payload of a size known to the compiler that fits into a slot (kBytes <=
  /// inline_bytes()): straight stores. Call notify() once after one or more appends.
  template <std::uint32_t kBytes>
  Append append_fixed(const void* payload) {
    return append_slot([payload](SlotLayout* slot) {
      constexpr std::uint64_t kMeta = SlotMeta{.payload_bytes = kBytes}.pack();
      slot->meta.store(kMeta, kRelaxed);  // relaxed: [P1] orders
      store_words(LaneView::payload(slot), payload, kBytes);
    });
  }
  /// Any size, with optional fields; takes pool memory when both do not fit into a slot.
  Append append(const void* payload, std::uint32_t payload_bytes, FieldsView fields = {});

  /// `one`: fills all slots, then commits them in ascending order (a death leaves a prefix);
  /// `many`: one by one. Stops at the first that finds no room; returns how many went out.
  struct Batch {
    std::size_t appended;
    Append stopped_by;  ///< done when all went out
  };
  Batch append_batch(const std::byte* payloads, std::size_t stride, std::uint32_t payload_bytes,
                     std::size_t count);
  /// The same for payloads of a size known to the compiler that fits into a slot.
  template <std::uint32_t kBytes>
  Batch append_batch_fixed(const std::byte* payloads, std::size_t count) {
    return append_each(count, [payloads](SlotLayout* slot, std::size_t i) {
      constexpr std::uint64_t kMeta = SlotMeta{.payload_bytes = kBytes}.pack();
      slot->meta.store(kMeta, kRelaxed);  // relaxed: [P1] orders
      store_words(LaneView::payload(slot), payloads + i * kBytes, kBytes);
    });
  }

  /// Pool memory for a payload written in place; nothing when none is to be had.
  /// Dies here: private bookkeeping only; the successor sees the memory as free.
  std::optional<Block> loan(std::uint64_t bytes);
  std::byte* data(Block block) const { return lane_.pool + block.offset; }
  /// Appends a loaned block, which has room for the fields behind the payload. On anything but
  /// `done` the block stays on loan.
  Append append_loan(Block block, std::uint32_t payload_bytes, FieldsView fields = {});
  void return_loan(Block block) { pool_.free(block); }

  // Messages that are whole before it is decided whether they go out; a settlement (record.hpp) has
  // them and says when. `many` only; writer_prepared.cpp.

  /// Fills the next slot of the lane, which nobody sees before publish_prepared(). Until all that
  /// is prepared was published or discarded, appends find `prepared`; and so does one message more
  /// than half the lane.
  /// Dies here: no index word names the slots; the successor clears and reuses them.
  Append prepare(const void* payload, std::uint32_t payload_bytes, FieldsView fields = {});
  /// The same of a loaned block. On anything but `done` it stays on loan.
  Append prepare_loan(Block block, std::uint32_t payload_bytes, FieldsView fields = {});
  std::size_t prepared() const { return prepared_.size(); }
  /// The slot of the i-th prepared message.
  std::uint64_t prepared_slot(std::size_t i) const { return (position_ + i) & slot_mask_; }
  /// Whether all that is prepared finds room now; in a record, the next of it.
  Append room_for_prepared();
  /// From here on, should we die, the settlement `id` of the record at `path` decides about what is
  /// prepared, and nobody adopts the lane before.
  void enter_record(std::string_view path, std::uint64_t id);
  void leave_record();
  /// Publishes the message that was prepared first, and then stores its sequence in `out`.
  Append publish_prepared(Atomic<std::uint64_t>& out);
  /// The one that was prepared first is void.
  void drop_prepared();
  /// All are void: their slots are the next ones again.
  void discard_prepared();

  /// Takes over a lane whose owner died in the settlement `id`, to finish that. The prepared
  /// messages stay as they are. Errors: not_found when the lane is in it no longer,
  /// already_exists when somebody else does it.
  static Result<std::unique_ptr<Writer>> take_over(std::shared_ptr<Ring> ring, std::uint32_t lane,
                                                   std::uint64_t id);
  /// For who has taken over: publishes the message in `slot`, unless the dead did, and then stores
  /// its sequence in `out`.
  Append finish_prepared(std::uint64_t slot, Atomic<std::uint64_t>& out);

  /// To be called after a payload of `bytes` was appended and notified: readies the memory that the
  /// next one of that size will probably be written to. Where the pool holds but a few of them it
  /// takes back that of earlier ones that all required readers have read, so that the next is
  /// written to lines that are still warm; the newest stays for who joins.
  void prepare_next(std::uint64_t bytes);

  /// Wakes sleepers, if there are any. One look, no system call when nobody sleeps.
  void notify() {
    if (many_) {
      // [D5] seq_cst, pairs with [D3]: the index CAS [O1] comes before this look. `want` first: a
      // bell loaded before it could be older than the CAS.
      const std::uint32_t want = board_->want.load(kSeqCst);
      // relaxed: nobody sleeps on a bell older than want's
      if (want == order_->doorbell.load(kRelaxed)) [[unlikely]]
        ring_bell();
    } else if (fenced_) [[unlikely]] {
      notify_fenced();
    } else {
      compiler_fence();  // [D1] sleepers in this mode issue membarrier(2) between want and look
      if (Doorbell::wanted(order_->doorbell, board_->want)) [[unlikely]]
        ring_bell();
    }
  }

  /// Waits until the next append may find room. `changed` means try again.
  Wake wait_for_room(Append reason, std::uint64_t bytes, Deadline deadline);
  /// Waits until room_for_prepared() may find some.
  Wake wait_for_prepared(Deadline deadline);
  /// Asks the kernel about those in the way; true when somebody was dead and counts no more.
  bool release_dead();
  /// Who is in the way of the last append that found no room; for error texts.
  std::string blocked_by() const;

  /// removed, stale, or done when this writer may go on.
  Append check_alive() const;
  const Ring& ring() const { return *ring_; }
  std::size_t inline_bytes() const { return inline_bytes_; }
  std::uint64_t last_sequence() const { return many_ ? last_own_ : next_ - 1; }
  std::uint32_t lane() const { return lane_number_; }
  void count_drop() { order_->dropped.fetch_add(1, kRelaxed); }  // relaxed: statistics

 private:
  struct Outstanding {
    std::uint64_t sequence;
    std::uint64_t slot;
    Block block;
  };

  explicit Writer(std::shared_ptr<Ring> ring);
  Result<void> take_lane();
  Result<bool> try_lane(std::uint32_t lane);
  void rebuild();
  void rebuild_one();
  void rebuild_many();
  void keep_payload(std::uint64_t sequence, std::uint64_t slot_number);
  void keep_holds();
  /// Makes the pool's map anew once all pages can be read.
  void learn_holds(const std::vector<Hold>& holds);
  void reserve_held(const std::vector<Hold>& holds);

  /// Fetches the lines of a slot for writing: the one about to be filled, and the one that follows
  /// kAhead messages later, so that in a stream the transfers overlap. (Measured FAR: 25 instead of
  /// 40 ns a message; 2 is too near, 8 takes lines that the reader is still reading.)
  static constexpr std::uint64_t kAhead = 4;
  /// In a batch. (Measured FAR: 25 ns a message; 33 with a distance of 4, 45 without.)
  static constexpr std::uint64_t kBatchAhead = 12;
  void prefetch_slot(std::uint64_t slot_number) const {
    const SlotLayout* const slot = lane_.slot(slot_number & slot_mask_);
    prefetch_for_write(slot);
    if (lane_.slot_shift > 6)
      prefetch_for_write(reinterpret_cast<const std::byte*>(slot) + kCacheLine);
  }

  template <class Fill>
  Append append_slot(const Fill& fill) {
    return many_ ? append_many(fill) : append_one(fill);
  }
  template <class Fill>
  Append append_one(const Fill& fill);
  template <class Fill>
  Append append_many(const Fill& fill);
  template <class Fill>
  Batch append_each(std::size_t count, const Fill& fill);

  /// The time for a stamp; 0 when this slot gets none. Read before the commit, written after it, so
  /// that the message does not wait for the stamp's line.
  std::uint64_t stamp_ticks(std::uint64_t slot_number) const {
    return (slot_number & stamp_mask_) == 0 ? ticks() : 0;
  }
  void stamp(std::uint64_t slot_number, std::uint64_t sequence, std::uint64_t ticks) {
    if (ticks != 0) [[unlikely]]
      write_stamp(slot_number, Stamp::pack(sequence, ticks));
  }
  void write_stamp(std::uint64_t slot_number, std::uint64_t bits);
  /// The payload of a slot about to be overwritten has been read by all who must.
  void retire(std::uint64_t slot_number) {
    if (!outstanding_.empty() && outstanding_.front().slot == slot_number) [[unlikely]] {
      retired_.push_back(outstanding_.front().block);
      outstanding_.pop_front();
    }
  }

  Append make_room(std::uint64_t sequence);
  Append scan_readers(std::uint64_t sequence);
  bool own_slot_passed();
  bool slot_passed(std::uint64_t position);
  template <class Fill>
  Append prepare_slot(const Fill& fill, std::optional<Block> block);
  Append publish_slot(std::uint64_t slot_number, Atomic<std::uint64_t>& out);
  bool pin(std::uint64_t sequence);
  void unpin();
  std::uint64_t next_candidate();
  void count_published();
  void ring_bell();
  void notify_fenced();
  bool collect(std::uint64_t bytes);
  void recycle(std::uint64_t bytes);
  void take_back(std::size_t count);
  void free_unheld();
  Append try_room(Append reason, std::uint64_t bytes);
  template <class Changed>
  Wake wait_until(const Changed& changed, Deadline deadline);

  std::shared_ptr<Ring> ring_;
  OrderLayout* order_;
  BoardLayout* board_;
  LaneView lane_;
  const bool many_;
  bool adopted_ = false;  ///< the lane's last owner died
  bool fenced_ = true;
  bool may_be_asymmetric_ = false;
  const std::uint64_t slot_mask_;  ///< lane slots - 1
  std::uint64_t stamp_mask_;
  std::size_t inline_bytes_;
  std::uint64_t next_ = 1;              ///< `one`: sequence of the next message
  std::uint64_t limit_ = 0;             ///< highest sequence that needs no scan
  std::uint64_t known_ = 0;             ///< `many`: a committed sequence, the latest known
  std::uint64_t others_ = 0;            ///< `many`: messages of others between our last two
  std::uint64_t position_ = 0;          ///< `many`: next slot of the lane
  std::uint64_t last_own_ = 0;          ///< `many`: last sequence that this writer committed
  std::uint64_t passed_ = 0;            ///< no required reader is or can join at or before it
  std::uint64_t published_before_ = 0;  ///< `many`: messages of this lane before this writer
  std::uint64_t in_record_ = 0;         ///< settlement that the lane is in; 0 = none
  std::uint32_t lane_number_ = 0;
  ReaderTable readers_;
  PoolMap pool_;
  std::deque<Outstanding>
      outstanding_;             ///< pool payloads whose slots still name them, oldest first
  std::vector<Block> retired_;  ///< pool payloads without a slot, perhaps held by a reader
  std::deque<std::optional<Block>> prepared_;  ///< pool payloads of the prepared, next slot first
  bool holds_known_ = true;  ///< false: a page could not be read when the map was rebuilt
  std::uint64_t fork_count_;
};

template <class Fill>
Append Writer::append_one(const Fill& fill) {
  const std::uint64_t sequence = next_;
  const std::uint64_t slot_number = sequence & slot_mask_;
  SlotLayout* const slot = lane_.slot(slot_number);
  prefetch_slot(slot_number);
  prefetch_slot(slot_number + kAhead);
  if (sequence > limit_) [[unlikely]] {
    if (const Append room = make_room(sequence); room != Append::done) return room;
  }
  retire(slot_number);
  // Dies before [P1]: the slot stays busy; readers wait there, the successor writes it anew.
  slot->sequence.store(sequence | kBusy, kRelaxed);  // relaxed: the fence orders it
  fence(kRelease);                                   // [P3] pairs with [R2]: busy before payload
  fill(slot);
  const std::uint64_t now = stamp_ticks(slot_number);
  slot->sequence.store(sequence, kRelease);  // [P1] pairs with [P2], [R1]: payload before sequence
  stamp(slot_number, sequence, now);
  next_ = sequence + 1;
  return Append::done;
}

template <class Fill>
Append Writer::append_many(const Fill& fill) {
  constexpr int kMaxAttempts = 1 << 16;  // each lost race is somebody else's message
  constexpr std::uint64_t kMaxOthers = 8;
  const std::uint64_t slot_number = position_ & slot_mask_;
  SlotLayout* const slot = lane_.slot(slot_number);
  std::uint64_t sequence = known_ + 1 + others_;
  prefetch_slot(slot_number);
  // Not this sequence's line of the order: it would be here too early, and a reader that looks for
  // it would take it back before the exchange. (Measured FAR: a tenth; where publishers take turns,
  // a third.)
  prefetch_slot(slot_number + kAhead);
  prefetch_for_write(&ring_->index(sequence + kAhead));
  const Geometry& geometry = ring_->geometry();
  std::uint64_t now = 0;
  bool filled = false;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    Atomic<std::uint64_t>& word = ring_->index(sequence);
    std::uint64_t seen = word.load(kAcquire);  // [O2] pairs with [O1]
    const bool taken = geometry.lap_in(seen) >= geometry.lap_of(sequence);
    if (taken || (sequence > known_ + 1 && !ring_->published(sequence - 1))) [[unlikely]] {
      sequence = next_candidate();
      continue;
    }
    if (sequence > limit_) [[unlikely]] {
      known_ = sequence - 1;
      if (const Append room = make_room(sequence); room != Append::done) {
        if (filled) slot->sequence.store(0, kRelaxed);  // relaxed: nobody reads an unnamed slot
        return room;
      }
    }
    if (!filled) {
      if (!own_slot_passed()) [[unlikely]]
        return Append::full;
      retire(slot_number);
      // Dies before [O1]: no index word names the slot; the successor clears and reuses it.
      slot->sequence.store(sequence | kBusy, kRelaxed);  // relaxed: the fence orders it
      fence(kRelease);  // [P3] pairs with [R2]: busy before payload
      fill(slot);
      now = stamp_ticks(slot_number);
      filled = true;
    }
    slot->sequence.store(sequence, kRelease);  // [P1] pairs with [R1]: payload before sequence
    const std::uint64_t named = geometry.index_word(sequence, lane_number_, slot_number);
    // [O1] seq_cst, pairs with [O2] (message before its name) and [D3] (message before the look at
    // sleepers). The commit point: before it nothing is visible, after it everything is.
    if (word.compare_exchange_strong(seen, named, kSeqCst)) {
      stamp(slot_number, sequence, now);
      // Where publishers take turns, as many of the others' will come before the next of ours.
      others_ = last_own_ == 0 ? 0 : std::min(sequence - last_own_ - 1, kMaxOthers);
      known_ = last_own_ = sequence;
      ++position_;
      return Append::done;
    }
    ++sequence;
  }
  return Append::damaged;
}

template <class Fill>
Writer::Batch Writer::append_each(std::size_t count, const Fill& fill) {
  std::size_t done = 0;
  for (; many_ && done < count; ++done) {
    const Append result = append_many([&](SlotLayout* slot) { fill(slot, done); });
    if (result != Append::done) return {done, result};
  }
  while (done < count) {
    if (next_ > limit_) {
      if (const Append room = make_room(next_); room != Append::done) return {done, room};
    }
    const std::uint64_t first = next_;
    const std::uint64_t run = std::min<std::uint64_t>(count - done, limit_ - first + 1);
    // Dies in either loop: committed slots are a prefix; the rest stays busy, as if never begun.
    for (std::uint64_t i = 0; i < run; ++i) {
      const std::uint64_t slot_number = (first + i) & slot_mask_;
      SlotLayout* const slot = lane_.slot(slot_number);
      prefetch_slot(slot_number + kBatchAhead);
      retire(slot_number);
      slot->sequence.store((first + i) | kBusy, kRelaxed);  // relaxed: the fence orders it
      fence(kRelease);  // [P3] pairs with [R2]: busy before payload
      fill(slot, done + i);
    }
    // Ascending: a hole would stick every required reader if we died behind it.
    for (std::uint64_t i = 0; i < run; ++i) {
      const std::uint64_t slot_number = (first + i) & slot_mask_;
      const std::uint64_t now = stamp_ticks(slot_number);
      lane_.slot(slot_number)->sequence.store(first + i, kRelease);  // [P1]
      stamp(slot_number, first + i, now);
    }
    next_ = first + run;
    done += run;
  }
  return {done, Append::done};
}

}  // namespace tow::shm
