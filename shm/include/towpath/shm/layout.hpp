#pragma once
/// The mapped structs of one topic's ring: order, board, reader pages and lanes.
///
/// Each struct is the format of one file (docs/memory_layout.md prints the offsets). Every field
/// names its one writer; where several may write, the damage a bad one can do stays in that topic.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "towpath/shm/fields.hpp"
#include "towpath/shm/segment.hpp"

namespace tow::shm {

inline constexpr std::uint32_t kMaxPublishers = 1024;
inline constexpr std::uint32_t kMaxSubscribers = 1024;
inline constexpr std::uint64_t kMinDepth = 16;
inline constexpr std::uint64_t kMaxDepth = 4ULL << 20;
inline constexpr std::uint64_t kMaxMessageBytes = 1ULL << 30;
inline constexpr std::size_t kSlotHeaderBytes = 16;
inline constexpr std::size_t kMaxInlineBytes = 256 - kSlotHeaderBytes;
inline constexpr std::size_t kMaxHolds = 64;
inline constexpr std::size_t kMaxLossyHolds = 4;

/// No topic gets so far (a message a nanosecond takes 146 years): a sequence beyond is damage.
inline constexpr std::uint64_t kMaxSequence = 1ULL << 62;
/// Top bit of a slot's sequence: being written.
inline constexpr std::uint64_t kBusy = 1ULL << 63;

enum class RingKind : std::uint32_t { one = 1, many = 2 };
enum class ReaderKind : std::uint32_t {
  required = 1,  ///< publishers wait for it
  lossy,         ///< they do not
  group,         ///< the low mark of a group: publishers wait for it, no process owns it
  consumer,      ///< one consumer of a group: what it holds; the group's low mark speaks for it
};
enum class TopicState : std::uint32_t { live = 1, removed = 2 };
/// How a publisher of `publishers = one` looks for sleepers: behind a fence of its own, or without
/// one because sleepers issue membarrier(2).
enum class WakeMode : std::uint32_t { fenced = 0, asymmetric = 1 };

/// File `bus`. Writer: the creator, once. A bus exists once it has this file.
struct BusLayout {
  SegmentLayout header;
  std::uint32_t file_mode;  ///< rights of every file of the bus
  std::uint8_t reserved[60];
};
static_assert(sizeof(BusLayout) == 128);

/// What a topic is, fixed at creation. Writer: the creator, once.
struct GeometryLayout {
  std::uint32_t kind;               ///< a RingKind
  std::uint32_t slot_bytes;         ///< 64, 128 or 256
  std::uint64_t slot_count;         ///< N, a power of two: sequences that the order remembers
  std::uint64_t lane_slot_count;    ///< M, a power of two <= N: slots of one lane
  std::uint64_t pool_bytes;         ///< payload pool of one lane, a multiple of 64
  std::uint64_t max_message_bytes;  ///< payload of one message
  std::uint64_t asked_depth;        ///< what the creator asked for; N is at least 4/3 of it
  std::uint32_t max_publishers;
  std::uint32_t max_subscribers;
  std::uint32_t stamp_shift;  ///< every 2^shift-th slot of a lane is stamped; 63 = none
  std::uint32_t flags;        ///< bit 0: huge pages asked for
  std::uint32_t type_bytes;   ///< size of a typed topic's T, 0 = bytes
  std::uint32_t type_align;
  std::uint64_t type_fingerprint;  ///< 0 = bytes
  std::array<char, 64> type_name;  ///< NUL-padded
};
static_assert(sizeof(GeometryLayout) == 144);
inline constexpr std::uint32_t kFlagHugePages = 1;
inline constexpr std::uint32_t kNoStamps = 63;

/// File `order`. Writers: publishers (and whoever removes the topic).
struct OrderLayout {
  SegmentLayout header;
  GeometryLayout geometry;
  std::uint64_t created_ticks;  ///< both clocks at creation, for TickRate. Writer: the creator
  std::uint64_t created_monotonic_ns;
  std::uint8_t reserved0[32];
  Atomic<std::uint32_t> state;  ///< a TopicState
  std::uint8_t reserved1[124];
  /// Highest sequence that a publisher may reach before it scans the readers again; only rises.
  Atomic<std::uint64_t> limit;
  std::uint8_t reserved2[120];
  Atomic<std::uint32_t> doorbell;   ///< sleepers wait on it; a publisher adds 1 to wake them
  Atomic<std::uint32_t> wake_mode;  ///< a WakeMode
  std::uint8_t reserved3[120];
  Atomic<std::uint32_t> room_want;  ///< room_bell value that a publisher waiting for room has seen
  std::uint8_t reserved4[4];
  Atomic<std::uint64_t> dropped;  ///< messages given up because the topic was full
  std::uint8_t reserved5[112];
  /// Bit k: lane k has used its pin, so scans look at it. Writer: the lane's owner; never cleared.
  std::array<Atomic<std::uint64_t>, kMaxPublishers / 64> pinned;
  std::uint8_t reserved6[3200];
  /// Per reader entry: the claim number of the reader that was evicted, or what was dropped of a
  /// group (GroupFloor); 0 = none.
  std::array<Atomic<std::uint64_t>, kMaxSubscribers> evicted;
  /// Per lane: the sequence from which on nothing may be overwritten, as if a required reader stood
  /// there, while the lane's prepared message goes out under it or not; 0 = none. Writer: the
  /// lane's owner.
  std::array<Atomic<std::uint64_t>, kMaxPublishers> pins;
  // index words of `publishers = many` follow, one per 64-byte line (see IndexWord)
};
static_assert(offsetof(OrderLayout, state) == 256 && offsetof(OrderLayout, limit) == 384);
static_assert(offsetof(OrderLayout, doorbell) == 512 && offsetof(OrderLayout, room_want) == 640);
static_assert(offsetof(OrderLayout, pinned) == 768 && offsetof(OrderLayout, evicted) == 4096);
static_assert(offsetof(OrderLayout, pins) == 12288 && sizeof(OrderLayout) == 20480);

/// File `readers/board`. Writers: subscribers.
struct BoardLayout {
  SegmentLayout header;
  std::uint8_t reserved0[64];
  Atomic<std::uint32_t> want;  ///< doorbell value that some sleeper waits on
  std::uint8_t reserved1[124];
  Atomic<std::uint32_t> room_bell;  ///< publishers wait on it; a reader adds 1 after making room
  std::uint8_t reserved2[124];
  std::array<Atomic<std::uint64_t>, kMaxSubscribers / 64> present;  ///< which reader files exist
  std::uint8_t reserved3[4096 - 512];
};
static_assert(offsetof(BoardLayout, want) == 128 && offsetof(BoardLayout, present) == 384);
static_assert(sizeof(BoardLayout) == 4096);

/// Latency buckets: 16 a power of two, so a bucket is at most 6.25 % wide (HdrHistogram's scheme).
inline constexpr std::size_t kHistogramBuckets = 656;

/// File `readers/<k>`: one subscriber. Writer: that subscriber alone; `owner` also by repairers.
struct ReaderLayout {
  SegmentLayout header;
  std::uint8_t reserved0[64];
  /// Token; 0 = free. Claimed by CAS 0 -> token; repaired token -> 0. A group's: group_owner().
  Atomic<std::uint64_t> owner;
  /// Claim number under which the fields below are valid; 0 = not joined. A reader counts only
  /// while live == claim != 0 and owner != 0.
  Atomic<std::uint64_t> live;
  Atomic<std::uint64_t> claim;     ///< raised by 1 at every claim of this page
  Atomic<std::uint32_t> kind;      ///< a ReaderKind
  Atomic<std::uint32_t> overflow;  ///< of a group: an Overflow
  Atomic<std::uint64_t> max_lag;   ///< messages; 0 = never evicted. Of a group: its length limit
  std::uint8_t reserved2[88];
  /// Next sequence it will take; published lazily, never ahead. A group's: GroupPosition, and its
  /// writers are the group's consumers.
  Atomic<std::uint64_t> cursor;
  Atomic<std::uint64_t> received;  ///< messages taken
  Atomic<std::uint64_t> gaps;      ///< times that messages were missed
  Atomic<std::uint64_t> lost;      ///< messages missed
  Atomic<std::uint64_t> start;     ///< first sequence it was entitled to
  std::uint8_t reserved3[216];
  std::array<Atomic<std::uint64_t>, kMaxHolds>
      holds;  ///< payloads kept in place (see Hold); 0 = none
  std::array<Atomic<std::uint64_t>, kHistogramBuckets> latency;  ///< ticks from commit to take
  /// Of a group or consumer: the group's file name, NUL-padded.
  std::array<Atomic<std::uint64_t>, 32> group;
  std::uint8_t reserved4[8192 - 1024 - 256 - 8 * kHistogramBuckets];
};
static_assert(offsetof(ReaderLayout, owner) == 128 && offsetof(ReaderLayout, cursor) == 256);
static_assert(offsetof(ReaderLayout, holds) == 512 && offsetof(ReaderLayout, latency) == 1024);
static_assert(sizeof(ReaderLayout) == 8192);

/// One cell of a lane. Writer: the lane's publisher. Followed by the payload: 48, 112 or 240 bytes.
struct SlotLayout {
  Atomic<std::uint64_t> sequence;  ///< n = committed; n | kBusy = being written
  Atomic<std::uint64_t> meta;      ///< see SlotMeta
};
static_assert(sizeof(SlotLayout) == kSlotHeaderBytes);

/// Path of a settlement record (record_layout.hpp) relative to the bus, NUL-padded. In words, as
/// all text that one process may read while another writes it.
using RecordPathLayout = std::array<Atomic<std::uint64_t>, 96>;

/// File `lanes/<k>`. Writer: the publisher that owns it; `owner` also by adopters and repairers.
struct LaneLayout {
  SegmentLayout header;
  std::uint8_t reserved0[64];
  Atomic<std::uint64_t> owner;      ///< Token; 0 = free to adopt
  Atomic<std::uint64_t> published;  ///< messages since creation, published lazily; for people
  Atomic<std::uint64_t> adoptions;  ///< how often a successor took over
  /// Id of the settlement whose prepared messages lie in this lane; 0 = none. Otherwise the lane is
  /// not to be adopted before the record that `record` names is resolved.
  Atomic<std::uint64_t> in_record;
  std::uint8_t reserved1[96];
  RecordPathLayout record;  ///< written before `in_record`
  std::uint8_t reserved2[4096 - 1024];
  // slots, stamps and pool follow at the offsets of LaneMap
};
static_assert(offsetof(LaneLayout, owner) == 128 && offsetof(LaneLayout, record) == 256);
static_assert(sizeof(LaneLayout) == 4096);

/// `meta` of a slot: payload size 31 bits | in_pool 1 bit | key hash 16 bits | fields 16 bits.
struct SlotMeta {
  std::uint32_t payload_bytes = 0;
  bool in_pool = false;
  std::uint16_t key_hash = 0;  ///< 16 bits of the key's hash, 0 = no key
  std::uint16_t fields = 0;    ///< which fields follow the payload, and the priority: fields.hpp

  constexpr std::uint64_t pack() const {
    return std::uint64_t{payload_bytes} | std::uint64_t{in_pool} << 31 |
           std::uint64_t{key_hash} << 32 | std::uint64_t{fields} << 48;
  }
  static constexpr SlotMeta unpack(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits) & 0x7FFF'FFFFU, (bits >> 31 & 1) != 0,
            static_cast<std::uint16_t>(bits >> 32), static_cast<std::uint16_t>(bits >> 48)};
  }
};

/// When a message was committed: a mark of its sequence (16 bits) | ticks just before (48 bits:
/// they wrap after some 20 hours). The mark tells a stamp of the slot's last message from one to
/// come.
struct Stamp {
  static constexpr unsigned kTickBits = 48;
  static constexpr std::uint64_t kTickMask = (1ULL << kTickBits) - 1;
  static constexpr std::uint64_t mark(std::uint64_t sequence) {
    constexpr std::uint64_t kGolden = 0x9E37'79B9'7F4A'7C15;  // spreads neighbours (Knuth)
    return sequence * kGolden & ~kTickMask;
  }
  static constexpr std::uint64_t pack(std::uint64_t sequence, std::uint64_t ticks) {
    return mark(sequence) | (ticks & kTickMask);
  }
  /// Ticks from the stamp to `now`; nothing when it is another message's.
  static constexpr std::optional<std::uint64_t> elapsed(std::uint64_t bits, std::uint64_t sequence,
                                                        std::uint64_t now) {
    const std::uint64_t ticks = (now - bits) & kTickMask;
    const bool in_order = ticks <= kTickMask / 2;  // counters of two cores may differ a little
    if (((bits ^ mark(sequence)) & ~kTickMask) != 0 || !in_order) return std::nullopt;
    return ticks;
  }
};

/// A payload kept in place by a reader: lane + 1 (11 bits) | bytes (25 bits) | offset (28 bits),
/// the last two in units of 64. The size lets an adopter protect a payload whose slot is already
/// gone.
struct Hold {
  std::uint32_t lane = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;

  constexpr std::uint64_t pack() const {
    return std::uint64_t{lane + 1} << 53 | (bytes + 63) / 64 << 28 | offset / 64;
  }
  static constexpr Hold unpack(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 53) - 1, (bits & 0xFFF'FFFF) * 64,
            (bits >> 28 & 0x1FF'FFFF) * 64};
  }
};
inline constexpr std::uint64_t kMaxPoolBytes = 1ULL << 34;  ///< what a Hold can address

}  // namespace tow::shm
