#pragma once
/// The mapped structs of a group: consumers that share a topic's messages.
///
/// File `groups/<group>/state` of a topic: a header, then one word a message (GroupWord), then one
/// due time a message; both arrays are as long as the topic's order and used modulo its length.
/// Writers: the group's consumers, who trust each other. The group's low mark lies in the reader
/// page that `page` names, where publishers look for it (ReaderKind::group).

#include <array>
#include <cstddef>
#include <cstdint>

#include "towpath/shm/layout.hpp"
#include "towpath/shm/result.hpp"

namespace tow::shm {

inline constexpr std::uint32_t kMaxConsumers = 256;
inline constexpr std::uint32_t kMaxPrefetch = 256;
inline constexpr std::uint32_t kMaxDeliveryAttempts = 30;
/// Keys of an `ordered` group fall into so many partitions.
inline constexpr std::uint32_t kPartitions = 64;
inline constexpr std::size_t kGroupTextBytes = 256;

enum class GroupMode : std::uint32_t {
  shared = 1,     ///< any consumer gets the next message
  ordered,        ///< the messages of a key go to one consumer at a time, in order
  single_active,  ///< one consumer gets everything, the others stand by
};

/// What happens to a message for which the group has no room.
enum class Overflow : std::uint32_t { block = 0, reject, drop_oldest };

enum class GroupState : std::uint32_t { live = 1, removed };

/// What a group is, fixed at creation. Writer: the creator, once.
struct GroupOptionsLayout {
  std::uint64_t slot_count;       ///< of the topic: length of both arrays
  std::uint32_t mode;             ///< a GroupMode
  std::uint32_t overflow;         ///< an Overflow
  std::uint32_t max_attempts;     ///< 1 to kMaxDeliveryAttempts; then the message is dead
  std::uint32_t flags;            ///< kGroup...
  std::uint64_t lease_ns;         ///< until an unsettled delivery is taken back; 0 = never
  std::uint64_t backoff_ns;       ///< before the third attempt, then doubled; the second is at once
  std::uint64_t max_backoff_ns;   ///< at most
  std::uint64_t time_to_live_ns;  ///< from commit; 0 = as long as the message says
  std::uint64_t max_length;       ///< unsettled messages; 0 = as many as the topic holds
  std::uint64_t tag;              ///< hash of the tag that messages must have; 0 = any
  std::uint64_t reserved[7];
  std::array<char, kGroupTextBytes> key_pattern;  ///< that keys must match; empty = any. NUL-padded
  std::array<char, kGroupTextBytes> dead_letter;  ///< topic for the dead; empty = they are dropped
  std::array<char, kGroupTextBytes> tag_text;     ///< what `tag` is the hash of; for people
};
static_assert(sizeof(GroupOptionsLayout) == 896);
inline constexpr std::uint32_t kGroupByPriority = 1;
inline constexpr std::uint32_t kGroupDropWhenDeadLettersFull = 2;

/// Names one life of one consumer of a group: table index 8 bits | incarnation 8 bits. The
/// incarnation keeps a slow repairer from a lease of the next consumer with that index.
struct Lessee {
  std::uint8_t index = 0;
  std::uint8_t incarnation = 0;
  constexpr std::uint16_t pack() const {
    return static_cast<std::uint16_t>(index << 8 | incarnation);
  }
  static constexpr Lessee unpack(std::uint32_t bits) {
    return {static_cast<std::uint8_t>(bits >> 8), static_cast<std::uint8_t>(bits)};
  }
  friend constexpr bool operator==(Lessee, Lessee) = default;
};

/// One consumer. Writer: its process; `owner` also by repairers, after proof of death.
struct ConsumerLayout {
  Atomic<std::uint64_t> owner;  ///< Token; 0 = free. Claimed by CAS 0 -> token; repaired token -> 0
  Atomic<std::uint32_t> incarnation;  ///< raised by 1 at every claim; its low 8 bits go into words
  Atomic<std::uint32_t> reader;       ///< its reader page
  /// Since the group exists, of all who had this entry; for people.
  Atomic<std::uint64_t> taken;
  Atomic<std::uint64_t> acked;
  std::uint64_t reserved[4];
};
static_assert(sizeof(ConsumerLayout) == kCacheLine);

struct GroupLayout {
  SegmentLayout header;
  std::uint8_t reserved0[64];
  GroupOptionsLayout options;
  // Looked at before every run, seldom written.
  Atomic<std::uint32_t> state;    ///< a GroupState
  Atomic<std::uint32_t> paused;   ///< 1: nothing is leased
  Atomic<std::uint32_t> returns;  ///< raised after something became ready again: sweep
  std::uint32_t reserved1;
  /// No message changes by itself before this time (CLOCK_MONOTONIC ns); 0 = none will.
  Atomic<std::uint64_t> next_due;
  Atomic<std::uint64_t> page;  ///< where the low mark lies (GroupPage)
  std::uint8_t reserved2[96];
  Atomic<std::uint32_t> bell;  ///< consumers sleep on it; who makes a message ready adds 1
  std::uint8_t reserved3[124];
  Atomic<std::uint32_t> want;  ///< bell value that some sleeper waits on
  std::uint8_t reserved4[124];
  /// Messages since the group exists; for people. Writers: consumers, by addition.
  Atomic<std::uint64_t> retried;   ///< failed and to be tried again
  Atomic<std::uint64_t> returned;  ///< given back by leaving or dead consumers, without blame
  Atomic<std::uint64_t> expired;   ///< whose time to live passed
  Atomic<std::uint64_t> dropped;   ///< by the length limit, or as letters that cannot be moved
  Atomic<std::uint64_t> dead;      ///< given up for good, whatever the reason
  Atomic<std::uint64_t> lost;      ///< overwritten or damaged before they were settled
  Atomic<std::uint64_t> filtered;  ///< not for this group
  Atomic<std::uint64_t> seeks;
  /// First dead message that could not be moved to the dead letters, and why (LeftDead), as of the
  /// last round of any consumer; 0 = none was left. For people.
  Atomic<std::uint64_t> left_dead;
  std::uint8_t reserved5[56];
  std::array<Atomic<std::uint32_t>, kPartitions> partitions;  ///< Lessee + 2^16; 0 = nobody's
  Atomic<std::uint32_t> next_entry;  ///< where the next consumer starts looking
  std::uint8_t reserved6[124];
  /// Behind what consumers of a `shared` group without filters have come to (as GroupPosition). A
  /// consumer takes a run from here with one CAS before it leases it, so that two do not meet in
  /// one line of words. A hint: who dies between leaves a hole, which every sweep finds.
  Atomic<std::uint64_t> frontier;
  std::uint8_t reserved7[376];
  std::array<ConsumerLayout, kMaxConsumers> consumers;
  std::uint8_t reserved8[20480 - 2304 - 64 * kMaxConsumers];
  // words and due times follow
};
static_assert(offsetof(GroupLayout, state) == 1024 && offsetof(GroupLayout, bell) == 1152);
static_assert(offsetof(GroupLayout, want) == 1280 && offsetof(GroupLayout, retried) == 1408);
static_assert(offsetof(GroupLayout, partitions) == 1536);
static_assert(offsetof(GroupLayout, frontier) == 1920);
static_assert(offsetof(GroupLayout, consumers) == 2304 && sizeof(GroupLayout) == 20480);

enum class WordState : std::uint8_t {
  ready,    ///< to be leased
  leased,   ///< a consumer has it, and has not begun
  started,  ///< a consumer handles it
  done,     ///< settled
  delayed,  ///< ready at its due time
  dead,     ///< given up; to be moved to the dead letters
  settling  ///< being acked together with what its consumer publishes
};

/// Why a message is dead: what the word of a dead message has in place of the lessee.
enum class DeadReason : std::uint16_t { rejected = 1, attempts, expired, dropped };

/// What became of one message in one group: lap 33 bits | redelivered 1 | epoch 6 | state 3 |
/// attempts 5 | lessee 16. A word of another lap or epoch than its message's reads as ready and
/// never tried, so a new group, or one after a seek, has nothing to initialise.
struct GroupWord {
  std::uint64_t lap = 0;
  bool redelivered = false;  ///< somebody has begun to handle it before
  std::uint32_t epoch = 0;
  WordState state = WordState::ready;
  std::uint32_t attempts = 0;  ///< that failed
  std::uint16_t who = 0;       ///< Lessee, or DeadReason

  static constexpr std::uint64_t kLapMask = (1ULL << 33) - 1;
  static constexpr std::uint32_t kEpochMask = 63;
  constexpr std::uint64_t pack() const {
    return lap << 31 | std::uint64_t{redelivered} << 30 | std::uint64_t{epoch} << 24 |
           static_cast<std::uint64_t>(state) << 21 | std::uint64_t{attempts} << 16 | who;
  }
  static constexpr GroupWord unpack(std::uint64_t bits) {
    return {bits >> 31,
            (bits >> 30 & 1) != 0,
            static_cast<std::uint32_t>(bits >> 24) & kEpochMask,
            static_cast<WordState>(bits >> 21 & 7),
            static_cast<std::uint32_t>(bits >> 16) & 31,
            static_cast<std::uint16_t>(bits)};
  }
  constexpr bool held_by(Lessee lessee) const {
    return (state == WordState::leased || state == WordState::started) && who == lessee.pack();
  }
};

/// A group's low mark, in the `cursor` of its reader page: epoch 6 bits | lowest sequence that may
/// be unsettled 58 bits. One word, so that a slow consumer cannot raise the mark after a seek.
struct GroupPosition {
  std::uint32_t epoch = 0;
  std::uint64_t low = 1;

  static constexpr std::uint64_t kLowMask = (1ULL << 58) - 1;
  constexpr std::uint64_t pack() const { return std::uint64_t{epoch} << 58 | low; }
  static constexpr GroupPosition unpack(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 58), bits & kLowMask};
  }
};

/// A dead message that could not be moved to the dead letters: a Code 16 bits | its sequence 48
/// bits.
struct LeftDead {
  Code why = Code::system;
  std::uint64_t sequence = 0;

  static constexpr std::uint64_t kSequenceMask = (1ULL << 48) - 1;
  constexpr std::uint64_t pack() const {
    return std::uint64_t{static_cast<std::uint16_t>(why)} << 48 | (sequence & kSequenceMask);
  }
  static constexpr LeftDead unpack(std::uint64_t bits) {
    return {static_cast<Code>(bits >> 48), bits & kSequenceMask};
  }
};

/// Which reader page has a group's low mark: claim 48 bits | page number 16 bits.
struct GroupPage {
  std::uint32_t number = 0;
  std::uint64_t claim = 0;
  constexpr std::uint64_t pack() const { return claim << 16 | number; }
  static constexpr GroupPage unpack(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits & 0xFFFF), bits >> 16};
  }
  friend constexpr bool operator==(GroupPage, GroupPage) = default;
};

/// What publishers have dropped of a group with a length limit, in `order.evicted` of its page: top
/// bit | claim 11 bits | lowest sequence that still counts 52 bits.
struct GroupFloor {
  static constexpr std::uint64_t kSequenceMask = (1ULL << 52) - 1;
  static constexpr std::uint64_t mark(std::uint64_t claim) {
    return 1ULL << 63 | (claim & 0x7FF) << 52;
  }
  static constexpr std::uint64_t pack(std::uint64_t claim, std::uint64_t sequence) {
    return mark(claim) | (sequence & kSequenceMask);
  }
  /// The floor that the word says for the page's claim; 0 when it is another's.
  static constexpr std::uint64_t of(std::uint64_t bits, std::uint64_t claim) {
    return (bits & ~kSequenceMask) == mark(claim) ? bits & kSequenceMask : 0;
  }
};

}  // namespace tow::shm
