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

/// Moves dead messages of one consumer's group to a topic of the same bus. Used on the consumer's
/// thread.
class DeadLetters {
 public:
  DeadLetters(std::shared_ptr<BusState> bus, std::string topic)
      : bus_(std::move(bus)), topic_(std::move(topic)) {}

  /// Why a message was rejected, to be told when it is moved.
  void note(std::uint64_t sequence, std::string reason) { reasons_[sequence] = std::move(reason); }
  /// Moves what `consumer` knows to be dead, as far as there is room, a bounded number at a time.
  void move_from(shm::Consumer& consumer);

 private:
  Result<void> open();
  bool move(shm::Consumer& consumer, shm::Consumer::Dead& dead);

  std::shared_ptr<BusState> bus_;
  std::string topic_;
  std::optional<Publisher<Bytes>> publisher_;
  std::map<std::uint64_t, std::string> reasons_;
};

}  // namespace tow
