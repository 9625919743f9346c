#pragma once
/// A topic with one group, as one thing.

#include <string>

#include "towpath/topic.hpp"

namespace tow {

/// The group of a queue's topic; `tow group` shows and steers it by this name.
inline constexpr const char* kQueueGroup = "queue";

/// A queue: a topic of that name with the group "queue". Each message goes to one consumer, until
/// it is settled. Thread-safe; cheap to copy; keeps its bus joined. It lives in the topic's files
/// and needs no process: Bus::remove_topic() ends it. All else that topics and groups can do is
/// done through topic() and group().
template <class T = Bytes>
class Queue {
 public:
  const std::string& name() const { return topic_.name(); }
  /// Errors as Topic::publisher().
  Result<Publisher<T>> publisher(const PublisherOptions& options = {}) const {
    return topic_.publisher(options);
  }
  /// Errors as Group::consumer().
  Result<Consumer<T>> consumer(const ConsumerOptions& options = {}) const {
    return group_.consumer(options);
  }
  GroupInfo info() const { return group_.info(); }

  const Topic<T>& topic() const { return topic_; }
  const Group<T>& group() const { return group_; }

 private:
  friend class Bus;
  Queue(Topic<T> topic, Group<T> group) : topic_(std::move(topic)), group_(std::move(group)) {}

  Topic<T> topic_;
  Group<T> group_;
};

}  // namespace tow
