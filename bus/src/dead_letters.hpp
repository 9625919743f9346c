#pragma once
/// Where a group's dead messages go.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "towpath/publisher.hpp"
#include "towpath/shm/consumer.hpp"

namespace tow {

struct BusState;
struct ConsumerState;

/// Moves dead messages of one consumer's group to a topic of the same bus, each exactly once. Used
/// on the consumer's thread. One that cannot be moved stays dead, is told (GroupInfo), and is tried
/// again every 100 ms while somebody consumes; one that is too large lets those behind it pass.
///
/// Dies anywhere: the message is dead and will be moved by another consumer, or the record says
/// that it is decided, and repair finishes it.
class DeadLetters {
 public:
  DeadLetters(std::shared_ptr<BusState> bus, std::string topic)
      : bus_(std::move(bus)), topic_(std::move(topic)) {}

  /// Why a message was rejected, to be told when it is moved.
  void note(std::uint64_t sequence, std::string reason) { reasons_[sequence] = std::move(reason); }
  /// Moves what the consumer knows to be dead, as far as there is room, a bounded number at a time.
  void move_from(ConsumerState& state);

 private:
  Result<void> open(const shm::Ring& from);
  /// Nothing when the letter is no longer there to be moved; else what keeps it.
  std::optional<Code> move(ConsumerState& state, shm::Consumer::Dead& dead);
  Result<void> prepare(const shm::Ring& from, const shm::Received& message, const Headers& told);
  std::optional<Code> settle(ConsumerState& state, const shm::Consumer::Dead& dead);
  /// True when the group rather loses it than waits.
  static bool drop(shm::Consumer& consumer, shm::Consumer::Dead& dead);
  std::string reason_of(const shm::Consumer::Dead& dead) const;

  std::shared_ptr<BusState> bus_;
  std::string topic_;
  std::optional<Publisher<Bytes>> publisher_;
  std::map<std::uint64_t, std::string> reasons_;
};

/// What an operator should know of a letter that stays: which, why, and what to do.
std::string why_left(const std::string& topic, shm::LeftDead left);

}  // namespace tow
