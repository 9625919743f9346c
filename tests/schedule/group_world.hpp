#pragma once
/// A world whose topic has a group, and consumers of it with books: who holds which message, who
/// has settled it, and what may have been settled by the dead.

#include <array>

#include "towpath/shm/consumer.hpp"
#include "world.hpp"

namespace tow::schedule {

class GroupWorld : public World {
 public:
  GroupWorld(const WorldOptions& options, shm::GroupOptionsLayout group);

  const std::shared_ptr<shm::Group>& group(std::size_t member) const { return groups_[member]; }
  shm::GroupLayout& layout() const { return groups_[0]->layout(); }

 private:
  std::vector<std::shared_ptr<shm::Group>> groups_;
};

/// Options that a scenario starts from: any number of attempts, no lease, no backoff.
shm::GroupOptionsLayout plain_group();

constexpr WorldOptions kGroupWorld{.readers = 6, .members = 4};

class Workshop {
 public:
  static constexpr std::size_t kMembers = 4, kMessages = 64, kEpochs = 4;
  /// Takes what is left when all others are gone. Nobody kills it.
  static constexpr std::size_t kLast = 3;

  explicit Workshop(const shm::GroupOptionsLayout& group = plain_group(),
                    const WorldOptions& options = kGroupWorld);

  /// Everything as at first; `messages` are out and nobody has taken any.
  void begin(std::uint64_t messages);
  void join(std::size_t member, std::uint32_t prefetch = 1);
  /// Up to that sequence, or until there is no room.
  void publish(std::uint64_t last, std::string_view key = {});
  /// The next message, into the member's hands. False when there is none.
  bool take(std::size_t member);
  bool ack(std::size_t member);
  void release(std::size_t member);
  void retry(std::size_t member, std::uint64_t wait_ns);
  bool has(std::size_t member) const { return !hands_[member].empty(); }
  /// Takes and acks `count` messages, asleep while there is none; gives up once `over`.
  void work(std::size_t member, std::size_t count, const std::function<bool()>& over);
  /// Sleeps as Consumer::wait() does. False when only `over` woke it.
  bool sleep(std::size_t member, const std::function<bool()>& over);
  void leave(std::size_t member) { consumers_[member].reset(); }
  void died(std::size_t member);
  void repair(std::size_t member);

  /// Once everybody has stopped: what was not settled comes once more, flagged if somebody had
  /// begun it; each message from `first` on is then settled once, and the low mark behind all.
  void close_books(std::uint64_t first = 1);

  GroupWorld world;
  std::unique_ptr<shm::Writer> writer;
  std::array<bool, kMembers> dead{};
  bool exclusive = true;  ///< no lease ends before its holder says so

  shm::Consumer& consumer(std::size_t member) { return *consumers_[member]; }
  bool acked(std::uint64_t sequence) const;
  /// Settled, or about to be.
  bool maybe_acked(std::uint64_t sequence) const;
  /// What was taken and not settled may be taken by others.
  void nobody_holds() { holders_.fill(kNobody); }

 private:
  static constexpr std::size_t kNobody = ~std::size_t{0};
  struct Epoch {
    std::array<std::uint8_t, kMessages> acks, tries, begun;
  };
  shm::Lease give(std::size_t member);

  std::array<std::unique_ptr<shm::Consumer>, kMembers> consumers_;
  std::array<std::vector<shm::Lease>, kMembers> hands_;
  std::array<std::size_t, kMessages> holders_{};
  std::array<Epoch, kEpochs> epochs_{};
};

}  // namespace tow::schedule
