#pragma once
/// Producers: publishers with a name, whose messages have numbers of their own, so that one that is
/// published again after a crash is known to be out already.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "towpath/shm/fields.hpp"
#include "towpath/shm/ring.hpp"

namespace tow::shm {

/// Numbers run from 1 to this, so that differences of two are numbers, too.
inline constexpr std::uint64_t kMaxProducerNumber = (1ULL << 62) - 1;

/// File `producers/<producer>` of a topic.
struct ProducerLayout {
  SegmentLayout header;
  std::uint8_t reserved0[64];
  Atomic<std::uint64_t> owner;  ///< Token of its publisher; 0 = none. Writer: publishers, by CAS
  /// Highest number that is out and known to be; only rises. Writers: its publisher, after each
  /// message, and who adopts a lane that it used.
  Atomic<std::uint64_t> number;
  Atomic<std::uint64_t> lane;  ///< lane + 1 of its publisher; 0 = none yet. Writer: its publisher
  std::uint64_t name_hash;     ///< text_hash() of its name. Writer: the creator, once
  std::uint8_t reserved1[96];
};
static_assert(offsetof(ProducerLayout, owner) == 128 && sizeof(ProducerLayout) == 256);

/// A producer's file, claimed by its one publisher. One thread at a time.
/// Dies anywhere: the highest number is in the file, or in a message of the lane that the file
/// names; the next who attaches looks there, and so does who adopts the lane.
class Producer {
 public:
  /// Opens or makes the producer's file and claims it for a publisher of lane `lane`. Errors:
  /// publisher_exists (one that lives has that name), no_permission, no_space.
  static Result<std::unique_ptr<Producer>> attach(std::shared_ptr<Ring> ring,
                                                  const std::string& file_name,
                                                  std::uint64_t name_hash, std::uint32_t lane);
  ~Producer();
  Producer(const Producer&) = delete;

  std::uint64_t name_hash() const { return name_hash_; }
  /// Highest number that is out; 0 before the first.
  std::uint64_t last_number() const { return last_; }
  /// To be called once the message `number` is out.
  void published(std::uint64_t number);

 private:
  Producer(std::shared_ptr<Ring> ring, Segment segment, std::uint64_t name_hash);
  ProducerLayout& layout() const { return *segment_.as<ProducerLayout>(); }
  void learn(std::uint32_t lane);

  std::shared_ptr<Ring> ring_;
  Segment segment_;
  std::uint64_t name_hash_;
  std::uint64_t last_ = 0;
  std::uint64_t fork_count_;
};

/// For each producer with messages in a lane, its highest number there. The lane may be in use.
std::vector<ProducerField> producers_in(const Ring& ring, const LaneView& lane,
                                        std::uint32_t number);

/// Raises the files of all producers that have messages in a lane. To be called by who adopts it,
/// before it overwrites any.
/// Dies anywhere: raised or not; the lane is adopted again.
void raise_producers(const Ring& ring, const LaneView& lane, std::uint32_t number);

}  // namespace tow::shm
