#pragma once
/// The mapped struct of a settlement: inputs that are acked, and outputs that are published, all or
/// none, whoever dies.
///
/// File `groups/<group>/records/<consumer>` of the topic that the inputs come from. One settlement
/// after the other goes through it. Writer: the process in `owner`, which is the consumer's, or,
/// after proof of its death, one repairer's at a time.
///
///     FREE ---------> PREPARED ---------> COMMITTED ---------> FREE
///       outputs filled   |  all inputs SETTLING   outputs out, inputs DONE
///                        +-> FREE: inputs as before, outputs void
///
/// The store of COMMITTED is the one commit point. record.hpp has the steps and what each leaves.

#include <array>
#include <cstddef>
#include <cstdint>

#include "towpath/shm/layout.hpp"

namespace tow::shm {

inline constexpr std::uint32_t kMaxRecordInputs = 256;
inline constexpr std::uint32_t kMaxRecordOutputs = 256;
inline constexpr std::uint32_t kMaxRecordTopics = 16;

enum class RecordState : std::uint32_t { free = 0, prepared = 1, committed = 2 };

/// `state` of a record: how often it changed hands 32 bits | RecordState 32 bits. Who takes a
/// record over raises the first, so that its last owner, should it not know that it was declared
/// dead, can no longer commit.
struct RecordWord {
  std::uint32_t hands = 0;
  RecordState state = RecordState::free;
  constexpr std::uint64_t pack() const {
    return std::uint64_t{hands} << 32 | static_cast<std::uint64_t>(state);
  }
  static constexpr RecordWord unpack(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 32),
            static_cast<RecordState>(static_cast<std::uint32_t>(bits))};
  }
};

/// A message that is acked.
struct RecordInputLayout {
  Atomic<std::uint64_t> sequence;
  Atomic<std::uint64_t> word;  ///< the group's word of it, before it became SETTLING
};

/// A message that is published.
struct RecordOutputLayout {
  Atomic<std::uint64_t> place;  ///< see RecordPlace
  /// Its sequence once it is out; kOutputVoid when its topic is gone; 0 = not out, or not known.
  Atomic<std::uint64_t> out;
};
inline constexpr std::uint64_t kOutputVoid = ~0ULL;

/// Where a prepared message lies: topic, by its place in the record, 16 bits | lane 16 bits | slot
/// 32 bits.
struct RecordPlace {
  std::uint32_t topic = 0;
  std::uint32_t lane = 0;
  std::uint64_t slot = 0;
  constexpr std::uint64_t pack() const {
    return std::uint64_t{topic} << 48 | std::uint64_t{lane} << 32 | (slot & 0xFFFF'FFFF);
  }
  static constexpr RecordPlace unpack(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 48), static_cast<std::uint32_t>(bits >> 32) & 0xFFFF,
            bits & 0xFFFF'FFFF};
  }
};
static_assert(kMaxDepth * 2 <= 0xFFFF'FFFF && kMaxPublishers <= 0xFFFF);

/// File name of a topic, NUL-padded.
using RecordTopicLayout = std::array<Atomic<std::uint64_t>, 32>;

struct RecordLayout {
  SegmentLayout header;
  std::uint8_t reserved0[64];
  Atomic<std::uint64_t> owner;  ///< Token; 0 = nobody: free to claim, whatever the state
  Atomic<std::uint64_t> state;  ///< a RecordWord
  /// Of the settlement that the rest is about; what lanes have in `in_record`. Rises, and not only
  /// within one file: a lane may name a record that was removed and made anew.
  Atomic<std::uint64_t> id;
  Atomic<std::uint32_t> input_count;
  Atomic<std::uint32_t> output_count;
  /// What the words of the inputs have as consumer while they are SETTLING (see GroupWord).
  Atomic<std::uint32_t> settler;
  std::uint8_t reserved1[256 - 164];
  std::array<RecordInputLayout, kMaxRecordInputs> inputs;
  std::array<RecordOutputLayout, kMaxRecordOutputs> outputs;
  std::array<RecordTopicLayout, kMaxRecordTopics> topics;
  std::uint8_t reserved2[16384 - 12544];
};
static_assert(offsetof(RecordLayout, owner) == 128 && offsetof(RecordLayout, inputs) == 256);
static_assert(offsetof(RecordLayout, outputs) == 4352 && offsetof(RecordLayout, topics) == 8448);
static_assert(sizeof(RecordLayout) == 16384);

}  // namespace tow::shm
