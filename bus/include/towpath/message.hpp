#pragma once
/// What a subscriber reads.

#include <chrono>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "towpath/shm/reader.hpp"
#include "towpath/type.hpp"

namespace tow {

/// A message, until it ends or release() is called. Small payloads are copied out of the ring;
/// large ones are read in place, and their memory cannot be reused meanwhile. It must end before
/// its subscriber, on the subscriber's thread. Movable.
template <class T = Bytes>
class Message {
 public:
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
  /// The key it was published with, or empty.
  std::string_view key() const;
  /// Messages that this (lossy) subscriber missed right before this one.
  std::uint64_t missed() const { return received_.missed; }

  const T& operator*() const requires(!std::is_same_v<T, Bytes>) { return *value(); }
  const T* operator->() const requires(!std::is_same_v<T, Bytes>) { return value(); }

  /// Ends the use of the payload before the message itself ends.
  void release() {
    if (received_.hold != shm::Received::kNoHold) [[unlikely]] {
      reader_->release(std::exchange(received_.hold, shm::Received::kNoHold));
    }
  }

 protected:
  template <class>
  friend class Subscriber;

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
std::string_view Message<T>::key() const {
  if ((received_.fields & shm::kFieldKey) == 0) return {};
  const std::uint32_t room = received_.stored_bytes - received_.payload_bytes;
  const std::byte* const at = received_.data + received_.payload_bytes;
  if (room == 0) return {};
  const auto length = static_cast<std::size_t>(*at);  // read once: another process may change it
  return {reinterpret_cast<const char*>(at + 1), std::min<std::size_t>(length, room - 1)};
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
  Error error_;
  bool has_message_ = false;
  bool failed_ = false;
};

}  // namespace tow
