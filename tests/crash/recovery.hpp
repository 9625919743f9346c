#pragma once
/// What a survivor finds on a bus where somebody died, and whether every promise holds there.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "stage.hpp"

namespace tow::crash {

struct Expectation {
  TopicOptions options{};
  std::uint64_t before = 0;             ///< messages that were published before the operation
  std::uint64_t surely = 0;             ///< that it knows to have published
  std::uint64_t at_most = 0;            ///< that it may have published
  std::uint64_t together = 1;           ///< of which all are out, or none
  bool may_be_removed = false;          ///< the topic, by the operation
  bool history = true;                  ///< the operation may not shorten it
  std::uint64_t unread = 0;             ///< the survivor's next message; 0 = there is no survivor
  std::optional<std::uint32_t> bell{};  ///< on which somebody sleeps: it must have been rung
  std::optional<GroupWant> group{};     ///< there is a group
  std::function<std::string(const Bus&)> verdict{};  ///< what else is wrong, by the operation
  std::function<void()> end_survivors{};  ///< called when nobody else shall live on the bus
};

/// Opens the bus, which repairs it; then publishes, reads, lends and looks everywhere. Empty when
/// all is well, else what is not.
std::string find_fault(const std::string& bus, const Expectation& expected);

/// Locks on the copy of a bus those entries that are locked on the original, except one process's:
/// so those who live there live on the copy too.
class Living {
 public:
  /// Notes who lives on a bus, the process `but` excepted.
  Living(const std::string& bus, std::uint32_t but);
  ~Living();
  Living(const Living&) = delete;
  void come_to_life(const std::string& copy);
  void end();

 private:
  std::string name_;
  std::vector<std::uint32_t> entries_;
  int fd_ = -1;
};

}  // namespace tow::crash
