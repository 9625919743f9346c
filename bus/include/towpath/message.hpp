#pragma once
/// What a subscriber reads.

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "towpath/headers.hpp"
#include "towpath/shm/clock.hpp"
#include "towpath/shm/reader.hpp"
#include "towpath/type.hpp"

namespace tow {

class ClientState;

/// A message, until it ends or release() is called. Small payloads are copied out of the ring;
/// large ones are read in place, and their memory cannot be reused meanwhile. It must end before
/// its subscriber, on the subscriber's thread. Movable.
template <class T = Bytes>
class Message {
 public:
  /// The clock of attributes, CLOCK_MONOTONIC: the same for all processes of a host.
  using TimePoint = std::chrono::steady_clock::time_point;

  Message() = default;
  Message(Message&& other) noexcept { steal(other); }
  Message& operator=(Message&& other) noexcept {
    if (this != &other) {
      release();
      steal(other);
    }
    return *this;
  }
  ~Message() { release(); }

  /// Its number in the topic, from 1, without gaps.
  std::uint64_t sequence() const { return received_.sequence; }
  /// The payload as it lies in memory.
  std::span<const std::byte> bytes() const { return {received_.data, received_.payload_bytes}; }
  /// The payload as characters.
  std::string_view text() const {
    return {reinterpret_cast<const char*>(received_.data), received_.payload_bytes};
  }
  /// Messages that this (lossy) subscriber missed right before this one.
  std::uint64_t missed() const { return received_.missed; }

  /// Attributes it was published with. Texts are empty when they were not given, and stay as long
  /// as the payload.
  std::string_view key() const { return fields().key(); }
  /// True when it was published with this tag (by its hash: another tag passes once in 2^64).
  bool has_tag(std::string_view tag) const;
  /// shm::text_hash() of its tag, 0 without one.
  std::uint64_t tag_hash() const { return fields().tag(); }
  /// When it will be, or was, worth nothing; nothing for one that never expires.
  std::optional<TimePoint> expires_at() const { return time_point(fields().expires_ns()); }
  bool expired() const;
  /// From when on groups see it; nothing for one that was due at once.
  std::optional<TimePoint> due_at() const { return time_point(fields().due_ns()); }
  /// 0 to 7, the most urgent.
  int priority() const { return fields().priority(); }
  std::string_view correlation_id() const { return fields().correlation_id(); }
  std::string_view reply_topic() const { return fields().reply_topic(); }
  std::string_view content_type() const { return fields().content_type(); }
  /// Decodes them: cheap when there are none, else keep what it returns.
  Headers headers() const { return Headers::decode(fields().headers()); }

  const T& operator*() const requires(!std::is_same_v<T, Bytes>) { return *value(); }
  const T* operator->() const requires(!std::is_same_v<T, Bytes>) { return value(); }

  /// True while the payload is read where it lies, and its memory cannot be reused: until
  /// release().
  bool in_place() const { return received_.hold != shm::Received::kNoHold; }
  /// Ends the use of the payload before the message itself ends.
  void release() {
    if (received_.hold != shm::Received::kNoHold) [[unlikely]] {
      reader_->release(std::exchange(received_.hold, shm::Received::kNoHold));
    }
  }

 protected:
  template <class>
  friend class Subscriber;
  template <class>
  friend class Consumer;
  friend class ClientState;

  shm::FieldsView fields() const { return received_.fields_view(); }
  static std::optional<TimePoint> time_point(std::uint64_t at_ns) {
    if (at_ns == 0) return std::nullopt;
    constexpr std::uint64_t kLast = std::chrono::nanoseconds::max().count();
    const auto since_boot = static_cast<std::int64_t>(std::min(at_ns, kLast));
    return TimePoint(std::chrono::nanoseconds(since_boot));
  }
  const T* value() const { return reinterpret_cast<const T*>(received_.data); }
  void steal(Message& other) noexcept {
    reader_ = other.reader_;
    const bool copied = other.received_.data == other.buffer_;
    received_ = std::move(other.received_);
    other.received_.hold = shm::Received::kNoHold;
    if (copied) {
      std::memcpy(buffer_, other.buffer_, received_.stored_bytes);
      received_.data = buffer_;
    }
  }

  shm::Reader* reader_ = nullptr;
  shm::Received received_;
  alignas(16) std::byte buffer_[shm::kMaxInlineBytes];
};

template <class T>
bool Message<T>::has_tag(std::string_view tag) const {
  const std::uint64_t hash = tag_hash();
  return hash != 0 && hash == shm::text_hash(tag);
}

template <class T>
bool Message<T>::expired() const {
  const std::uint64_t at_ns = fields().expires_ns();
  return at_ns != 0 && shm::monotonic_ns() >= at_ns;
}

/// A message, or why there is none: true only with a message.
template <class T = Bytes>
class Taken : public Message<T> {
 public:
  Taken() = default;
  Taken(Error error) : error_(error), failed_(true) {}  // NOLINT: as Result

  explicit operator bool() const { return has_message_; }
  /// Nothing came in time; no error.
  bool timed_out() const { return !has_message_ && !failed_; }
  /// True when it can go on no more: evicted, removed, stale.
  bool failed() const { return failed_; }
  /// Only when failed().
  Error error() const { return error_; }

 private:
  template <class>
  friend class Subscriber;
  template <class>
  friend class Consumer;
  template <class>
  friend class Delivery;
  Error error_;
  bool has_message_ = false;
  bool failed_ = false;
};

}  // namespace tow
