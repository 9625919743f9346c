#pragma once
/// Groups: consumers that share a topic's messages, each of which is settled once.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "towpath/consumer.hpp"
#include "towpath/info.hpp"
#include "towpath/options.hpp"
#include "towpath/shm/group.hpp"

namespace tow {

/// Where a group seeks to.
struct SeekTo {
  enum class Kind : std::uint8_t { oldest, newest, sequence, time, offset } kind = Kind::oldest;
  std::int64_t value = 0;

  /// The oldest message that the topic still has.
  static constexpr SeekTo oldest() { return {Kind::oldest, 0}; }
  /// Behind the last: only what is published from now on.
  static constexpr SeekTo newest() { return {Kind::newest, 0}; }
  static constexpr SeekTo sequence(std::uint64_t number) {
    return {Kind::sequence, static_cast<std::int64_t>(number)};
  }
  /// The first message published no longer than `ago` ago, or up to 63 before it where only every
  /// 64th is stamped.
  static constexpr SeekTo time(std::chrono::nanoseconds ago) { return {Kind::time, ago.count()}; }
  /// So many messages on from where the group is, or back.
  static constexpr SeekTo offset(std::int64_t messages) { return {Kind::offset, messages}; }
};

/// What groups of all types share. Thread-safe; cheap to copy. It keeps its bus joined. The group
/// itself lives in the topic's files, with or without consumers: what is published after it was
/// made waits for it.
class GroupBase {
 public:
  std::string name() const;
  GroupInfo info() const;
  /// Moves the group, forward or back, while it runs. What is being handled is taken from its
  /// consumers, whose ack then says lease_lost; what was settled behind that point comes again.
  /// Returns the sequence where it is now. Errors: removed, no_permission.
  Result<std::uint64_t> seek(SeekTo to) const;
  /// Where seek() would go.
  std::uint64_t seek_target(SeekTo to) const;
  /// Hands nothing out until resume(), not even what was prefetched; what is being handled may be
  /// settled. Where there is a lease, it runs on.
  Result<void> pause() const;
  Result<void> resume() const;

 protected:
  GroupBase(std::shared_ptr<shm::Group> group, std::shared_ptr<BusState> bus)
      : group_(std::move(group)), bus_(std::move(bus)) {}
  Result<std::unique_ptr<shm::Consumer>> attach(const ConsumerOptions& options) const;
  Error no_right(const char* what) const;

  std::shared_ptr<shm::Group> group_;
  std::shared_ptr<BusState> bus_;
};

template <class T = Bytes>
class Group : public GroupBase {
 public:
  /// Joins the group. Errors: invalid_argument (prefetch), too_many, no_permission, no_space,
  /// removed.
  Result<Consumer<T>> consumer(const ConsumerOptions& options = {}) const {
    auto consumer = attach(options);
    if (!consumer) return consumer.error();
    return Consumer<T>(std::move(*consumer), options, bus_);
  }

 private:
  friend class TopicBase;
  template <class>
  friend class Topic;
  using GroupBase::GroupBase;
};

}  // namespace tow
