#pragma once
/// A named sequence of messages on a bus.

#include <chrono>
#include <memory>
#include <string>

#include "towpath/info.hpp"
#include "towpath/publisher.hpp"
#include "towpath/subscriber.hpp"

namespace tow {

/// What topics of all types share. Thread-safe; cheap to copy. Keeps its bus joined.
class TopicBase {
 public:
  const std::string& name() const { return ring_->topic(); }
  /// Sequence of the newest message, 0 when there is none.
  std::uint64_t last_sequence() const { return ring_->tail(); }
  /// Waits until at least `count` subscribers are alive. Errors: timed_out (with how many there
  /// are).
  Result<void> wait_for_subscribers(std::uint32_t count,
                                    std::chrono::nanoseconds timeout = kForever) const;
  /// Everything about the topic, its publishers and its subscribers.
  TopicInfo info() const;

 protected:
  explicit TopicBase(std::shared_ptr<shm::Ring> ring) : ring_(std::move(ring)) {}
  Result<std::unique_ptr<shm::Writer>> attach_writer(const PublisherOptions& options) const;
  Result<std::unique_ptr<shm::Reader>> attach_reader(const SubscriberOptions& options) const;
  std::unique_ptr<shm::Reader> attach_observer(Start start) const;
  std::uint64_t max_message_bytes() const { return ring_->geometry().raw().max_message_bytes; }

  std::shared_ptr<shm::Ring> ring_;
};

template <class T = Bytes>
class Topic : public TopicBase {
 public:
  /// Errors: publisher_exists, too_many, no_permission, no_space, removed, timed_out (take over).
  Result<Publisher<T>> publisher(const PublisherOptions& options = {}) const {
    auto writer = attach_writer(options);
    if (!writer) return writer.error();
    return Publisher<T>(std::move(*writer), options, max_message_bytes());
  }
  /// Errors: too_many, no_permission, no_space, removed.
  Result<Subscriber<T>> subscriber(const SubscriberOptions& options = {}) const {
    auto reader = attach_reader(options);
    if (!reader) return reader.error();
    return Subscriber<T>(std::move(*reader), options);
  }
  /// A subscriber that nobody can see: it writes nothing, protects nothing, copies everything, and
  /// polls every millisecond while it waits. For tools.
  Subscriber<T> observer(Start start = {}) const {
    return Subscriber<T>(attach_observer(start), SubscriberOptions{.delivery = Delivery::lossy});
  }

 private:
  friend class Bus;
  using TopicBase::TopicBase;
};

}  // namespace tow
