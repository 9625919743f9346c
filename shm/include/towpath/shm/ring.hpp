#pragma once
/// The files of one topic, mapped: order, board, reader pages, lanes. Writer and Reader work on it.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "towpath/shm/layout.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/shm/segment.hpp"

namespace tow::shm {

/// The geometry of a topic, validated, with what follows from it. A plain value.
class Geometry {
 public:
  /// Checks a geometry read from a file or asked for by a creator; `where` goes into the error.
  static Result<Geometry> checked(const GeometryLayout& raw, const std::string& where);

  RingKind kind() const { return static_cast<RingKind>(raw_.kind); }
  bool many() const { return kind() == RingKind::many; }
  const GeometryLayout& raw() const { return raw_; }
  std::uint64_t slot_count() const { return raw_.slot_count; }
  std::uint64_t lane_slot_count() const { return raw_.lane_slot_count; }
  std::size_t inline_bytes() const { return raw_.slot_bytes - kSlotHeaderBytes; }
  /// A reader publishes its cursor after at most this many messages.
  std::uint64_t cursor_stride() const { return raw_.lane_slot_count / 4; }
  std::uint64_t stamp_count() const;
  bool stamps() const { return raw_.stamp_shift != kNoStamps; }
  bool stamped(std::uint64_t slot) const {
    return stamps() && (slot & ((1ULL << raw_.stamp_shift) - 1)) == 0;
  }

  std::uint64_t slots_offset() const { return sizeof(LaneLayout); }
  std::uint64_t stamps_offset() const {
    return slots_offset() + lane_slot_count() * raw_.slot_bytes;
  }
  std::uint64_t pool_offset() const;
  std::uint64_t lane_file_bytes() const { return pool_offset() + raw_.pool_bytes; }
  std::uint64_t order_file_bytes() const {
    return sizeof(OrderLayout) + (many() ? slot_count() * kCacheLine : 0);
  }

  /// An index word names the slot that holds a sequence: lap | lane | slot. `lap` is the lap of the
  /// sequence plus 1, so that 0 means "never written"; it has at least 31 bits.
  std::uint64_t lap_of(std::uint64_t sequence) const { return (sequence >> slot_bits_) + 1; }
  std::uint64_t lap_in(std::uint64_t word) const { return word >> (lane_bits_ + lane_slot_bits_); }
  std::uint64_t index_word(std::uint64_t sequence, std::uint32_t lane, std::uint64_t slot) const {
    return lap_of(sequence) << (lane_bits_ + lane_slot_bits_) |
           std::uint64_t{lane} << lane_slot_bits_ | slot;
  }
  std::uint32_t lane_in(std::uint64_t word) const {
    return static_cast<std::uint32_t>(word >> lane_slot_bits_ & ((1ULL << lane_bits_) - 1));
  }
  std::uint64_t slot_in(std::uint64_t word) const { return word & (lane_slot_count() - 1); }

 private:
  explicit Geometry(const GeometryLayout& raw);
  GeometryLayout raw_;
  unsigned slot_bits_, lane_slot_bits_, lane_bits_;
};

/// One mapped lane. Plain pointers for the hot paths; valid while `segment` lives.
struct LaneView {
  Segment segment;
  std::byte* slots = nullptr;
  Atomic<std::uint64_t>* stamps = nullptr;
  std::byte* pool = nullptr;
  unsigned slot_shift = 0;

  std::byte* slot_bytes(std::uint64_t index) const { return slots + (index << slot_shift); }
  SlotLayout* slot(std::uint64_t index) const {
    return reinterpret_cast<SlotLayout*>(slot_bytes(index));
  }
  /// The payload words of a slot.
  static Atomic<std::uint64_t>* payload(SlotLayout* slot) {
    return reinterpret_cast<Atomic<std::uint64_t>*>(slot + 1);
  }
  LaneLayout* header() const { return segment.as<LaneLayout>(); }
};

/// Handle of a topic's files. Shared by the writers and readers of one process; thread-safe.
class Ring {
 public:
  /// Makes the files of a topic in `directory` (which exists and may be half made by somebody who
  /// died: what is there is used). A topic exists once it has its order file; the space of its
  /// first lane is reserved before that. The loser of a race gets already_exists and opens instead.
  static Result<void> create(const Directory& directory, const Geometry& geometry,
                             std::uint32_t file_mode);
  /// Opens a topic's files. `topic` is its name, for error texts. Without the right to write the
  /// order file the ring can be read but not published to.
  static Result<std::shared_ptr<Ring>> open(Directory directory, std::string topic,
                                            std::shared_ptr<Participants> participants,
                                            std::uint32_t file_mode, bool observe);

  const Geometry& geometry() const { return geometry_; }
  const std::string& topic() const { return topic_; }
  const Directory& directory() const { return directory_; }
  /// Name of that directory.
  std::string topic_file() const {
    return directory_.path().substr(directory_.path().rfind('/') + 1);
  }
  Participants& participants() const { return *participants_; }
  const std::shared_ptr<Participants>& shared_participants() const { return participants_; }
  std::uint32_t file_mode() const { return file_mode_; }
  bool can_publish() const { return order_access_ == Access::read_write; }
  bool can_subscribe() const { return board_access_ == Access::read_write; }

  OrderLayout& order() const { return *order_.as<OrderLayout>(); }
  BoardLayout& board() const { return *board_.as<BoardLayout>(); }
  Atomic<std::uint64_t>& index(std::uint64_t sequence) const {
    const std::uint64_t line = sequence & (geometry_.slot_count() - 1);
    return *order_.as<Atomic<std::uint64_t>>(sizeof(OrderLayout) + line * kCacheLine);
  }
  /// True also when broken(): the order is then zeros.
  bool removed() const {
    // relaxed: removal is noticed at the next slow path, no data depends on it
    return order().state.load(kRelaxed) != static_cast<std::uint32_t>(TopicState::live);
  }
  /// True when this process found one of the topic's files truncated. Everything it has mapped of
  /// the topic reads as zeros then; no other process notices, and no other topic.
  bool broken() const { return fate_->broken(); }
  const std::shared_ptr<Fate>& fate() const { return fate_; }
  /// Why the topic can be used no more: broken, removed. Only when removed().
  Error end_reason() const;

  /// True when `sequence` was committed (it may be overwritten since). Committed sequences form a
  /// prefix 1..tail, so this is what tail searches rest on.
  bool published(std::uint64_t sequence) const {
    if (geometry_.many()) {
      // [O2] acquire, pairs with [O1]: what the slot holds is visible once its index word is.
      return geometry_.lap_in(index(sequence).load(kAcquire)) >= geometry_.lap_of(sequence);
    }
    // [P2] acquire, pairs with [P1]
    const std::uint64_t seen = first_lane_.slot(sequence & mask_)->sequence.load(kAcquire);
    return seen == sequence || (seen & ~kBusy) > sequence;
  }
  /// Highest committed sequence, 0 when there is none. Exact while nobody publishes; otherwise a
  /// tail that was true during the call.
  std::uint64_t tail() const;
  /// Highest committed sequence, given that `known` is committed (or 0): a gallop forward.
  std::uint64_t tail_from(std::uint64_t known) const;
  /// Oldest sequence that a joining reader may count on; at most tail + 1.
  std::uint64_t oldest() const;

  /// Maps lane `lane`; it shares the ring's fate.
  Result<LaneView> map_lane(std::uint32_t lane, Access access) const;
  /// Opens the page of reader `reader`. Truncated, it reads as a page that counts for nobody.
  Result<Segment> map_reader(std::uint32_t reader, Access access) const;
  /// Lane 0, mapped read-only; in `publishers = one` it is the order.
  const LaneView& first_lane() const { return first_lane_; }
  const Directory& lanes() const { return lanes_; }
  const Directory& readers() const { return readers_; }

  /// Wakes everybody who waits on this topic: for messages, and for room.
  void ring_all() const;

 private:
  Ring(Directory directory, Directory lanes, Directory readers, const Geometry& geometry,
       std::string topic, std::shared_ptr<Participants> participants, std::uint32_t file_mode);

  Directory directory_, lanes_, readers_;
  Geometry geometry_;
  std::uint64_t mask_;
  std::string topic_;
  std::shared_ptr<Participants> participants_;
  std::uint32_t file_mode_;
  std::shared_ptr<Fate> fate_ = std::make_shared<Fate>();
  Segment order_, board_;
  Access order_access_ = Access::read_only, board_access_ = Access::read_only;
  LaneView first_lane_;
};

/// Lane and reader files are named by number.
std::string file_name(std::uint32_t number);

/// Drafts a lane file, free to adopt. Errors as Segment::draft.
Result<Draft> draft_lane(const Directory& lanes, std::uint32_t lane, const Geometry& geometry,
                         std::uint32_t file_mode);
/// Makes a reader page, free to claim, unless it exists. Errors as Segment::create.
Result<void> create_reader(const Directory& readers, std::uint32_t reader, std::uint32_t file_mode);

}  // namespace tow::shm
