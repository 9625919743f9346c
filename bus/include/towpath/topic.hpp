#pragma once
/// A named sequence of messages on a bus.

#include <chrono>
#include <memory>
#include <string>

#include "towpath/group.hpp"
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
  /// Everything about the topic, its publishers, its subscribers and its groups.
  TopicInfo info() const;
  /// Names of its groups, sorted.
  std::vector<std::string> groups() const;
  /// Ends a group: its consumers get the error `removed`, publishers wait for it no more. Errors:
  /// not_found, no_permission.
  Result<void> remove_group(std::string_view name) const;

 protected:
  TopicBase(std::shared_ptr<shm::Ring> ring, std::shared_ptr<BusState> bus)
      : ring_(std::move(ring)), bus_(std::move(bus)) {}
  Result<std::unique_ptr<shm::Writer>> attach_writer(const PublisherOptions& options) const;
  /// Nothing when the options name no producer.
  Result<std::unique_ptr<shm::Producer>> attach_producer(const shm::Writer& writer,
                                                         const PublisherOptions& options) const;
  Result<std::unique_ptr<shm::Reader>> attach_reader(const SubscriberOptions& options) const;
  std::unique_ptr<shm::Reader> attach_observer(Start start) const;
  std::uint64_t max_message_bytes() const { return ring_->geometry().raw().max_message_bytes; }

  Result<std::shared_ptr<shm::Group>> open_group(std::string_view name) const;
  Result<std::shared_ptr<shm::Group>> make_group(std::string_view name,
                                                 const GroupOptions& options) const;

  std::shared_ptr<shm::Ring> ring_;
  std::shared_ptr<BusState> bus_;
};

template <class T = Bytes>
class Topic : public TopicBase {
 public:
  /// Errors: publisher_exists, too_many, no_permission, no_space, removed, timed_out (take over).
  Result<Publisher<T>> publisher(const PublisherOptions& options = {}) const {
    auto writer = attach_writer(options);
    if (!writer) return writer.error();
    auto producer = attach_producer(**writer, options);
    if (!producer) return producer.error();
    return Publisher<T>(std::move(*writer), std::move(*producer), options, max_message_bytes());
  }
  /// Errors: too_many, no_permission, no_space, removed.
  Result<Subscriber<T>> subscriber(const SubscriberOptions& options = {}) const {
    auto reader = attach_reader(options);
    if (!reader) return reader.error();
    return Subscriber<T>(std::move(*reader), options);
  }
  /// Opens the group `name` as it is, or makes one with the default options. Errors: invalid_name,
  /// too_many (subscribers), no_permission, no_space, removed.
  Result<Group<T>> group(std::string_view name) const {
    auto opened = open_group(name);
    if (!opened && opened.error() == Code::not_found) return group(name, GroupOptions{});
    if (!opened) return opened.error();
    return Group<T>(std::move(*opened), bus_);
  }
  /// Makes the group, or opens it if it exists with the same options. Errors as above, and
  /// invalid_argument, options_mismatch, not_found (it shall not be made).
  Result<Group<T>> group(std::string_view name, const GroupOptions& options) const {
    auto made = make_group(name, options);
    if (!made) return made.error();
    return Group<T>(std::move(*made), bus_);
  }
  /// A subscriber that nobody can see: it writes nothing, protects nothing, copies everything, and
  /// polls every millisecond while it waits. For tools.
  Subscriber<T> observer(Start start = {}) const {
    return Subscriber<T>(attach_observer(start), SubscriberOptions{.kind = SubscriberKind::lossy});
  }

 private:
  friend class Bus;
  using TopicBase::TopicBase;
};

}  // namespace tow
