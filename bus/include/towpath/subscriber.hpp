#pragma once
/// The receiving side of a topic.

#include <chrono>
#include <coroutine>
#include <memory>
#include <span>
#include <vector>

#include "towpath/message.hpp"
#include "towpath/options.hpp"
#include "towpath/waitable.hpp"

namespace tow {

/// What subscribers of all types share. One thread at a time. Only take() and wait functions wait.
/// When its process dies, publishers stop waiting for it as soon as the kernel says so.
class SubscriberBase : public Waitable {
 public:
  SubscriberBase(SubscriberBase&&) noexcept;
  SubscriberBase& operator=(SubscriberBase&&) noexcept;
  ~SubscriberBase() override;

  bool ready() const final { return reader_->ready(); }
  /// Sequence of the next message it will look for, and of the first it was entitled to.
  std::uint64_t next_sequence() const { return reader_->next_sequence(); }
  std::uint64_t start_sequence() const { return reader_->start_sequence(); }
  /// Messages published and not yet taken.
  std::uint64_t lag() const { return reader_->lag(); }
  /// Messages taken; messages missed; times that messages were missed.
  std::uint64_t received() const { return reader_->received(); }
  std::uint64_t lost() const { return reader_->lost(); }
  std::uint64_t gaps() const { return reader_->gaps(); }

  /// Copies up to `values.size() / value_bytes` payloads of exactly `value_bytes` each, one after
  /// the other, waiting up to `timeout` for the first: the fastest way to an array. Returns how
  /// many. A payload of another size ends it, and stays for the next take; as the first it is the
  /// error type_mismatch, and is skipped. Further errors: as of take(), invalid_argument (0 bytes).
  Result<std::size_t> take_values(std::span<std::byte> values, std::size_t value_bytes,
                                  std::chrono::nanoseconds timeout = kForever);

 protected:
  SubscriberBase(std::unique_ptr<shm::Reader> reader, const SubscriberOptions& options);
  /// Turns what the reader said into an error; only for evicted, removed and damaged.
  Error failure(shm::Take take) const;
  shm::Wake wait(shm::Deadline deadline);

  std::unique_ptr<shm::Reader> reader_;

 private:
  bool can_sleep() const final { return reader_->can_sleep(); }
  const shm::Ring& topic_ring() const final { return *reader_->ring(); }
  Watch arm(bool rested) final;
  shm::Take copy_value(std::byte* value, std::uint32_t bytes);
  Result<std::size_t> copy_values(std::byte* values, std::uint32_t bytes, std::size_t max);
  Result<std::size_t> take_or_skip(std::byte* value, std::uint32_t bytes);
};

template <class Source>
class Next;

/// Takes messages of T, or bytes, in sequence. See SubscriberBase for threads, waiting and death.
template <class T = Bytes>
class Subscriber : public SubscriberBase {
 public:
  /// The next message if there is one; never waits.
  Taken<T> try_take() {
    Taken<T> taken;
    look(taken);
    return taken;
  }
  /// The next message, waiting up to `timeout` for it.
  Taken<T> take(std::chrono::nanoseconds timeout = kForever) {
    Taken<T> taken;
    if (look(taken)) return taken;
    const auto deadline = shm::Deadline::after(timeout);
    while (wait(deadline) == shm::Wake::changed) {
      if (look(taken)) return taken;
      if (deadline.passed()) break;  // news that are none: somebody plays with the topic's words
    }
    return taken;
  }
  /// Appends up to `max` messages to `out`, waiting up to `timeout` for the first. Returns how
  /// many.
  Result<std::size_t> take_batch(std::vector<Message<T>>& out, std::size_t max,
                                 std::chrono::nanoseconds timeout = kForever) {
    std::size_t count = 0;
    while (count < max) {
      Taken<T> taken = count == 0 ? take(timeout) : try_take();
      if (taken.failed() && count == 0) return taken.error();
      if (!taken) break;
      out.push_back(std::move(taken));
      ++count;
    }
    return count;
  }
  /// The newest message, skipping what lies before it (skipped is not lost). Empty when nothing new
  /// came.
  Taken<T> latest() {
    reader_->skip_to_latest();
    return try_take();
  }
  /// For C++20 coroutines run by tow::run(): `while (auto message = co_await subscriber.next())`.
  Next<Subscriber<T>> next() { return Next<Subscriber<T>>(*this); }

  /// `for (const auto& message : subscriber)` takes for ever, until the topic is removed or the
  /// subscriber evicted; afterwards ended_by() tells which.
  class Iterator;
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }
  std::optional<Error> ended_by() const { return ended_by_; }

 private:
  template <class>
  friend class Topic;
  using SubscriberBase::SubscriberBase;

  /// True when `taken` has something to say: a message or an error.
  bool look(Taken<T>& taken) {
    taken.reader_ = reader_.get();
    if constexpr (!std::is_same_v<T, Bytes>) {
      if constexpr (sizeof(T) <= shm::kMaxInlineBytes) {
        if (fits_inline()) [[likely]] {
          T& value = *reinterpret_cast<T*>(taken.buffer_);
          const auto fixed = reader_->try_take_fixed(value, taken.received_.sequence);
          if (fixed == shm::Reader::Fixed::taken) [[likely]] {
            taken.received_.data = taken.buffer_;
            taken.received_.payload_bytes = taken.received_.stored_bytes = sizeof(T);
            return taken.has_message_ = true;
          }
          if (fixed == shm::Reader::Fixed::empty && !notification_) return false;
        }
      }
    }
    return look_at_any(taken);
  }
  bool look_at_any(Taken<T>& taken);
  bool fits_inline() const { return sizeof(T) <= reader_->inline_bytes(); }

  std::optional<Error> ended_by_;
};

template <class T>
bool Subscriber<T>::look_at_any(Taken<T>& taken) {
  constexpr int kMaxLooks = 16;  // then the descriptor stays readable, and the caller comes back
  for (int looks = 0; looks < kMaxLooks; ++looks) {
    const shm::Take take = reader_->try_take(taken.received_, taken.buffer_);
    if (take == shm::Take::message) {
      if constexpr (!std::is_same_v<T, Bytes>) {
        if (taken.received_.payload_bytes != sizeof(T)) {  // a publisher that broke its word
          taken.release();
          taken.error_ = failure(shm::Take::damaged);
          return taken.failed_ = true;
        }
      }
      return taken.has_message_ = true;
    }
    if (take != shm::Take::empty) {
      taken.error_ = failure(take);
      return taken.failed_ = true;
    }
    if (!notification_ || !rearm()) break;
  }
  return false;
}

template <class T>
class Subscriber<T>::Iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using difference_type = std::ptrdiff_t;
  using value_type = Message<T>;
  explicit Iterator(Subscriber* subscriber) : subscriber_(subscriber) { ++*this; }
  const Message<T>& operator*() const { return taken_; }
  Iterator& operator++() {
    taken_ = subscriber_->take();
    if (taken_.failed()) subscriber_->ended_by_ = taken_.error();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& it, std::default_sentinel_t) { return !it.taken_; }

 private:
  Subscriber* subscriber_;
  Taken<T> taken_;
};

}  // namespace tow
