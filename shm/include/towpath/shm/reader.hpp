#pragma once
/// The read side of a ring: one cursor, one page, one thread at a time.

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "towpath/shm/fields.hpp"
#include "towpath/shm/histogram.hpp"
#include "towpath/shm/ring.hpp"
#include "towpath/shm/wait.hpp"

namespace tow::shm {

enum class Take : std::uint8_t {
  message,
  empty,
  evicted,      ///< a required reader was more than its max_lag behind; it must join anew
  removed,      ///< everything was read and the topic is gone, or a file of it was truncated
                ///< (Ring::end_reason tells)
  unreachable,  ///< the next message's lane cannot be mapped now (failure() says why); not skipped
  stale,        ///< this process lost its membership, and with it the right to see every message
  damaged,  ///< shared words contradict themselves; the reader has skipped what it could not trust
  other_size,  ///< try_take_sized() only: the next message seems to have another size, and was not
               ///< taken
};

struct StartAt {
  enum class Kind : std::uint8_t { next, oldest, last, sequence } kind = Kind::next;
  std::uint64_t value = 0;  ///< count for `last`, number for `sequence`
};

struct ReaderOptions {
  ReaderKind kind = ReaderKind::required;
  StartAt start{};
  std::uint64_t max_lag = 0;            ///< required: evict when further behind; 0 = never
                                        ///< group: unsettled messages it may have; 0 = any number
  std::uint32_t max_holds = kMaxHolds;  ///< payloads kept in place at once; more are copied
  std::uint32_t overflow = 0;           ///< group: an Overflow
  std::string group{};                  ///< group and consumer: the group's file name
};

/// What was taken. `data` points into the caller's buffer (small payloads) or into the pool, where
/// it stays until release(hold), or into `copy`.
struct Received {
  static constexpr std::int32_t kNoHold = -1;
  std::uint64_t sequence = 0;
  const std::byte* data = nullptr;
  std::uint32_t payload_bytes = 0;
  std::uint32_t stored_bytes = 0;  ///< payload and the fields that follow it
  std::uint16_t key_hash = 0;
  std::uint16_t fields = 0;
  std::int32_t hold = kNoHold;
  std::uint64_t missed = 0;  ///< messages lost right before this one (lossy readers)
  std::unique_ptr<std::byte[]> copy;

  /// What follows the payload, as long as that stays.
  FieldsView fields_view() const {
    return {data + payload_bytes, stored_bytes - payload_bytes, fields, key_hash};
  }
};

/// Copies payload words with relaxed loads; the caller validates by the slot's sequence.
[[gnu::always_inline]] inline void load_words(const Atomic<std::uint64_t>* words, void* target,
                                              std::size_t bytes) {
  auto* to = static_cast<std::byte*>(target);
#pragma GCC unroll 30  // a constant size becomes straight loads
  for (; bytes >= 8; bytes -= 8, to += 8, ++words) {
    const std::uint64_t word = words->load(kRelaxed);  // relaxed: between [R1] and [R2]
    std::memcpy(to, &word, 8);
  }
  if (bytes != 0) {
    const std::uint64_t word = words->load(kRelaxed);  // relaxed: between [R1] and [R2]
    std::memcpy(to, &word, bytes);
  }
}

/// Reads a ring. Not thread-safe. The Ring outlives it (it holds a share); payloads held in place
/// must be released before it ends.
///
/// Dies anywhere: its page's owner is dead; publishers stop counting it on proof of death and its
/// holds die with it.
class Reader {
 public:
  /// Claims a page and joins. Errors: too_many, no_permission, no_space, removed.
  static Result<std::unique_ptr<Reader>> attach(std::shared_ptr<Ring> ring,
                                                const ReaderOptions& options);
  /// A reader without a page: it disturbs nobody, protects nothing, counts every gap. For tools.
  static std::unique_ptr<Reader> observe(std::shared_ptr<Ring> ring, StartAt start);
  ~Reader();
  Reader(const Reader&) = delete;

  /// Takes the next message. `buffer` takes a payload that came inline: kMaxInlineBytes,
  /// aligned 16.
  Take try_take(Received& out, std::byte* buffer);

  /// Takes message `sequence` wherever this reader stands: for consumers, who take what they have
  /// leased. `empty` when it was not committed, `damaged` when it is gone.
  Take take_at(std::uint64_t sequence, Received& out, std::byte* buffer);
  /// Ticks since a message was committed; nothing when it has no stamp, or is gone.
  std::optional<std::uint64_t> age_ticks(std::uint64_t sequence);
  /// The slots that the next message most likely is in; all lines of the likeliest, should it need
  /// several.
  void prefetch_expected() const {
    for (const std::byte* const slot : expected_) {
      if (slot == nullptr) break;  // a prefetch of nothing walks the page tables every time
      prefetch_for_read(slot);
    }
    if (slot_lines_ == 1 || expected_[0] == nullptr) return;
    prefetch_for_read(expected_[0] + kCacheLine);
  }
  /// Fetches the slot of a committed message that will be taken soon.
  void prefetch_at(std::uint64_t sequence);

  /// Takes a message whose payload is exactly `T`, inline, without a key, straight into `out`.
  /// `other` when it is not like that, or there is more to say: call try_take() then.
  enum class Fixed : std::uint8_t { taken, empty, other };
  template <class T>
  Fixed try_take_fixed(T& out, std::uint64_t& sequence) {
    return try_take_plain(&out, sizeof(T), sequence);
  }
  /// The same with a size that is known only when the program runs, at most inline_bytes().
  Fixed try_take_plain(void* out, std::uint32_t bytes, std::uint64_t& sequence);
  /// try_take(), if the next message's payload has that size.
  Take try_take_sized(std::uint32_t bytes, Received& out, std::byte* buffer);

  /// True when try_take() would not say `empty`.
  bool ready() const;
  /// Waits for ready(): spins for `spin_ns`, then sleeps.
  Wake wait(Deadline deadline, std::uint64_t spin_ns);
  /// The two halves of sleeping, for waits on several rings: arm() returns the word to sleep on;
  /// if ready() afterwards, do not sleep.
  WaitWord arm();

  /// False for an observer, which can only poll.
  bool can_sleep() const { return page_ != nullptr; }
  /// How long a sleep may last before it must look again. `rested`: the last one was undisturbed;
  /// only then a supervisor is asked for, which costs some system calls.
  std::uint64_t wait_piece_ns(bool rested) const {
    const bool may_be_long = rested && wait_piece_ns_ == kWaitPieceNs;
    return may_be_long && ring_->participants().supervised() ? kSupervisedPieceNs : wait_piece_ns_;
  }
  /// Why the last take said `unreachable`.
  Error failure() const { return failure_; }

  /// Wakes publishers who wait for room, if there are any.
  void signal_room();

  /// Gives the page of a group to the group: from here on no process owns it, and this reader is an
  /// observer.
  void hand_over();

  /// Ends the use of a payload in place.
  void release(std::int32_t hold);
  /// Jumps so that the next take gives the newest message; returns how many were skipped.
  std::uint64_t skip_to_latest();

  std::uint64_t next_sequence() const { return next_; }
  std::size_t inline_bytes() const { return inline_bytes_; }
  std::uint64_t start_sequence() const { return start_; }
  std::uint64_t lag() const;
  std::uint64_t received() const { return received_; }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t gaps() const { return gaps_; }
  std::uint32_t number() const { return number_; }
  std::uint64_t claim() const { return claim_; }
  const std::shared_ptr<Ring>& ring() const { return ring_; }

 private:
  struct Located {
    enum class State : std::uint8_t { found, empty, lost, unreachable, damaged } state;
    const LaneView* lane = nullptr;
    SlotLayout* slot = nullptr;
    std::uint64_t slot_number = 0;
    std::uint32_t lane_number = 0;
  };
  struct Arrival {
    const Atomic<std::uint64_t>* stamp = nullptr;
    std::uint64_t sequence = 0, ticks = 0;
  };
  static constexpr std::size_t kRecentLanes = 4;

  explicit Reader(std::shared_ptr<Ring> ring);
  Result<void> claim_page(Token self);
  Result<bool> try_page(std::uint32_t number, Token self);
  /// Makes `self` the owner of a page whose owner left or is dead; false when somebody lives there.
  bool take_from_the_dead(ReaderLayout& page, Token self) const;
  void join(const ReaderOptions& options);
  std::uint64_t first_wanted(StartAt start) const;

  Located locate() {
    if (many_) return locate_many();
    return {Located::State::found, first_lane_, first_lane_->slot(next_ & slot_mask_),
            next_ & slot_mask_, 0};
  }
  Located locate_many();
  /// Nothing new, and nothing left to do about that.
  bool is_idle() const {
    return run_ == 0 && published_cursor_ == next_ && !evictable_ && !ring_->removed();
  }
  Located::State map_lane(std::uint32_t number);
  void remember_lane(std::uint32_t number, const LaneView& view, std::uint64_t slot_number);

  /// What a sequence other than next_ in the slot means.
  Located::State meaning_of(std::uint64_t seen) const;
  Take lost_here();
  Take idle();
  Take skip_damaged();
  /// True when so many looks in a row found news but no message that nobody honest writes them.
  bool is_hopeless();
  bool is_evicted() const;
  void skip_gap();
  Take read_slot(const Located& at, Received& out, std::byte* buffer);
  Take read_pool(const Located& at, const SlotMeta& meta, Received& out);
  bool keep_in_place(const Located& at, std::uint64_t offset, Received& out);
  /// Remembers when a stamped message was taken; its stamp is looked at when there is time.
  void note_arrival(const Located& at);
  void record_latency();
  void store_counters();
  Wake wait_unseen(Deadline deadline) const;

  void took_one() {
    ++next_;
    ++received_;
    ++run_;
    if (next_ - published_cursor_ >= stride_) [[unlikely]]
      publish_cursor();
  }
  void publish_cursor();

  std::shared_ptr<Ring> ring_;
  OrderLayout* order_;
  BoardLayout* board_;
  const LaneView* first_lane_;
  ReaderLayout* page_ = nullptr;
  Segment page_segment_;
  const bool many_;
  bool lossy_ = true;
  bool evictable_ = false;
  const std::uint64_t slot_mask_;
  std::uint64_t stride_;
  std::uint64_t pool_share_;  ///< the cursor is published when so many pool bytes were taken
  std::size_t inline_bytes_;
  const unsigned slot_lines_;  ///< of which prefetches fetch two at most
  std::uint64_t stamp_mask_;
  unsigned stamp_shift_;
  std::uint64_t next_ = 1;
  std::uint64_t published_cursor_ = 1;
  std::uint64_t unpublished_bytes_ = 0;  ///< pool bytes taken since the cursor was published
  std::uint64_t run_ = 0;                ///< messages since the ring was last found empty
  bool ease_ = false;                    ///< the last run was long: let the publisher get ahead
  bool fenced_holds_ = true;             ///< holds are not covered by the cursor
  std::uint64_t missed_ = 0;
  std::uint64_t received_ = 0, lost_ = 0, gaps_ = 0;
  std::uint64_t fruitless_ = 0, received_then_ = 0;  ///< see is_hopeless()
  Arrival arrival_;  ///< of the last stamped message, until it is recorded
  std::uint64_t start_ = 1;
  std::uint64_t claim_ = 0;
  std::uint64_t free_holds_ = 0;  ///< one bit a hold word
  std::uint32_t number_ = 0;
  std::array<const std::byte*, kRecentLanes> expected_{};  ///< next slots of recently active lanes
  std::array<std::uint32_t, kRecentLanes> expected_lane_{};
  std::vector<LaneView> lanes_;
  std::uint64_t wait_piece_ns_ = kWaitPieceNs;
  Error failure_;
  std::uint64_t fork_count_;
};

inline Reader::Located Reader::locate_many() {
  using State = Located::State;
  // Both lines of a message are fetched together: the index word and the slot it most likely names.
  prefetch_expected();
  const Geometry& geometry = ring_->geometry();
  const std::uint64_t word = ring_->index(next_).load(kAcquire);  // [O2] pairs with [O1]
  const std::uint64_t lap = geometry.lap_in(word), wanted = geometry.lap_of(next_);
  if (lap != wanted) return {lap < wanted ? State::empty : State::lost};
  const std::uint32_t number = geometry.lane_in(word);
  if (number >= lanes_.size()) return {State::damaged};
  const LaneView* const view = &lanes_[number];
  if (view->slots == nullptr) [[unlikely]] {
    if (const State state = map_lane(number); state != State::found) return {state};
  }
  const std::uint64_t slot_number = geometry.slot_in(word);
  if (expected_[0] != view->slot_bytes(slot_number)) {
    remember_lane(number, *view, slot_number);
  } else {
    expected_[0] = view->slot_bytes((slot_number + 1) & slot_mask_);
  }
  return {State::found, view, view->slot(slot_number), slot_number, number};
}

inline Reader::Located::State Reader::meaning_of(std::uint64_t seen) const {
  using State = Located::State;
  if (seen == next_) return State::found;
  if (many_) return State::lost;  // its name was committed, so the slot has moved on
  return (seen & ~kBusy) > next_ ? State::lost : State::empty;
}

[[gnu::always_inline]] inline Reader::Fixed Reader::try_take_plain(void* out, std::uint32_t bytes,
                                                                   std::uint64_t& sequence) {
  using State = Located::State;
  const Located at = locate();
  // A poll that finds nothing must be short: a message that comes meanwhile waits for its end.
  if (at.state != State::found) [[unlikely]] {
    return at.state == State::empty && is_idle() ? Fixed::empty : Fixed::other;
  }
  if (bytes > kCacheLine - kSlotHeaderBytes) {
    prefetch_for_read(reinterpret_cast<const std::byte*>(at.slot) + kCacheLine);
  }
  // [R1] acquire, pairs with [P1]: sequence before payload.
  const std::uint64_t seen = at.slot->sequence.load(kAcquire);
  if (seen != next_) {
    return meaning_of(seen) == State::empty && is_idle() ? Fixed::empty : Fixed::other;
  }
  const std::uint64_t plain = SlotMeta{.payload_bytes = bytes}.pack();
  const std::uint64_t meta = at.slot->meta.load(kRelaxed);  // relaxed: between [R1] and [R2]
  if (meta != plain || evictable_ || missed_ != 0) [[unlikely]]
    return Fixed::other;
  load_words(LaneView::payload(at.slot), out, bytes);
  fence(kAcquire);  // [R2] pairs with [P3]: payload before the second look
  if (at.slot->sequence.load(kRelaxed) != next_) [[unlikely]]
    return Fixed::other;
  sequence = next_;
  if ((at.slot_number & stamp_mask_) == 0) [[unlikely]]
    note_arrival(at);
  took_one();
  return Fixed::taken;
}

}  // namespace tow::shm
