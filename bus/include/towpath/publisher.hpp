#pragma once
/// The sending side of a topic.

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "towpath/options.hpp"
#include "towpath/shm/writer.hpp"
#include "towpath/type.hpp"

namespace tow {

/// Payload memory lent to a publisher, written in place, then published or given back. Payloads
/// that fit a slot are written to the loan's own buffer and copied once. It must end before its
/// publisher, on the publisher's thread. When the process dies, an unpublished loan is as if never
/// made.
class LoanBase {
 public:
  LoanBase(LoanBase&& other) noexcept;
  LoanBase& operator=(LoanBase&&) = delete;
  ~LoanBase() { give_back(); }

  /// The memory to write; its first bytes() are published.
  std::span<std::byte> bytes() { return {data(), size_}; }
  /// Publish fewer bytes than were lent; larger numbers are ignored.
  void shrink(std::size_t bytes) { size_ = std::min(size_, static_cast<std::uint32_t>(bytes)); }
  /// Copies `source` to the beginning by the fastest way for its size; at most bytes().size().
  void copy_from(std::span<const std::byte> source);
  /// Sets all bytes by the fastest way for their number.
  void fill(std::byte value);

 protected:
  friend class PublisherBase;
  LoanBase(shm::Writer* writer, std::uint32_t size, std::optional<shm::Block> block)
      : writer_(writer), size_(size), block_(block) {}
  std::byte* data() { return block_ ? writer_->data(*block_) : buffer_; }
  void give_back() {
    if (block_) writer_->return_loan(*std::exchange(block_, std::nullopt));
  }

  shm::Writer* writer_;
  std::uint32_t size_;
  std::optional<shm::Block> block_;
  alignas(16) std::byte buffer_[shm::kMaxInlineBytes];
};

template <class T = Bytes>
class Loan : public LoanBase {
 public:
  explicit Loan(LoanBase&& base) : LoanBase(std::move(base)) {}
  T& operator*() { return *reinterpret_cast<T*>(data()); }
  T* operator->() { return reinterpret_cast<T*>(data()); }
};
template <>
class Loan<Bytes> : public LoanBase {
 public:
  explicit Loan(LoanBase&& base) : LoanBase(std::move(base)) {}
};

/// What publishers of all types share. One thread at a time. Waits only where its options say so.
/// When its process dies, what was published stays and the next publisher goes on after it.
class PublisherBase {
 public:
  /// Sequence of the last message published through this handle; 0 before the first in a topic of
  /// many publishers.
  std::uint64_t last_sequence() const { return writer_->last_sequence(); }
  /// Messages given up by this handle (WhenFull::drop).
  std::uint64_t dropped() const { return dropped_; }

 protected:
  PublisherBase(std::unique_ptr<shm::Writer> writer, const PublisherOptions& options,
                std::uint64_t max_message_bytes);

  Result<void> publish_bytes(const void* payload, std::size_t payload_bytes, std::string_view key);
  Result<LoanBase> lend(std::size_t payload_bytes);
  Result<void> publish_loan(LoanBase&& loan, std::string_view key);
  /// Calls `append_rest(done)`, which appends what follows the first `done`, until all `count` are
  /// out or the options say not to wait.
  template <class AppendRest>
  Result<std::size_t> publish_all(std::size_t count, std::size_t payload_bytes,
                                  const AppendRest& append_rest);
  /// What to do about an append that found no room: success means try again or dropped.
  enum class Next : std::uint8_t { again, dropped };
  Result<Next> on_full(shm::Append reason, std::size_t bytes, shm::Deadline deadline);
  template <class Attempt>
  Result<void> until_done(Attempt&& attempt, std::size_t bytes);
  Error too_large(std::size_t payload_bytes) const;
  Error key_too_long(std::size_t key_bytes) const;

  std::unique_ptr<shm::Writer> writer_;
  PublisherOptions options_;
  std::uint64_t max_message_bytes_;
  std::uint64_t dropped_ = 0;
};

template <class AppendRest>
Result<std::size_t> PublisherBase::publish_all(std::size_t count, std::size_t payload_bytes,
                                               const AppendRest& append_rest) {
  std::optional<shm::Deadline> deadline;
  std::size_t done = 0;
  while (done < count) {
    const shm::Writer::Batch batch = append_rest(done);
    done += batch.appended;
    if (batch.appended != 0) writer_->notify();  // before waiting: those we wait for may sleep
    if (batch.stopped_by == shm::Append::done) [[likely]]
      break;
    if (!deadline) deadline = shm::Deadline::after(options_.wait_at_most);
    auto next = on_full(batch.stopped_by, payload_bytes, *deadline);
    if (!next) {
      if (next.error() == Code::full && done != 0) break;
      return next.error();
    }
    if (*next == Next::dropped) ++done;
  }
  return done;
}

/// Publishes values of T, or bytes. See PublisherBase for threads, waiting and death.
template <class T = Bytes>
class Publisher : public PublisherBase {
 public:
  /// Publishes a copy of `value`. Returns when every subscriber can see it. Errors: full,
  /// timed_out, removed, stale, no_space (payload pool).
  Result<void> publish(const T& value, std::string_view key = {}) {
    if constexpr (sizeof(T) <= shm::kMaxInlineBytes) {
      if (key.empty() && sizeof(T) <= writer_->inline_bytes()) [[likely]] {
        if (writer_->append_fixed<sizeof(T)>(&value) == shm::Append::done) [[likely]] {
          writer_->notify();
          return {};
        }
      }
    }
    return publish_bytes(&value, sizeof(T), key);
  }
  /// Publishes all in order, waking sleepers once; returns how many went out (all, unless the topic
  /// was full and the options say fail). Not atomic: others may publish between.
  Result<std::size_t> publish_batch(std::span<const T> values) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(values.data());
    const auto append_rest = [&](std::size_t done) {
      if constexpr (sizeof(T) <= shm::kMaxInlineBytes) {
        if (sizeof(T) <= writer_->inline_bytes()) [[likely]] {
          return writer_->append_batch_fixed<sizeof(T)>(bytes + done * sizeof(T),
                                                        values.size() - done);
        }
      }
      return writer_->append_batch(bytes + done * sizeof(T), sizeof(T), sizeof(T),
                                   values.size() - done);
    };
    return publish_all(values.size(), sizeof(T), append_rest);
  }
  /// Memory for one T, to be filled in place and published.
  Result<Loan<T>> loan() {
    auto base = lend(sizeof(T));
    if (!base) return base.error();
    return Loan<T>(std::move(*base));
  }
  Result<void> publish(Loan<T>&& loan, std::string_view key = {}) {
    return publish_loan(std::move(loan), key);
  }

 private:
  template <class>
  friend class Topic;
  using PublisherBase::PublisherBase;
};

template <>
class Publisher<Bytes> : public PublisherBase {
 public:
  /// Publishes a copy of `payload`, of 0 to max_message_bytes bytes. Errors as for typed topics,
  /// and too_large.
  Result<void> publish(std::span<const std::byte> payload, std::string_view key = {}) {
    return publish_bytes(payload.data(), payload.size(), key);
  }
  Result<void> publish(std::string_view payload, std::string_view key = {}) {
    return publish_bytes(payload.data(), payload.size(), key);
  }
  /// Publishes `count` payloads of `payload_bytes` each that lie one after the other.
  Result<std::size_t> publish_batch(std::span<const std::byte> payloads, std::size_t payload_bytes);
  /// Memory for up to `bytes`, to be filled in place, perhaps shrunk, and published.
  Result<Loan<Bytes>> loan(std::size_t bytes) {
    auto base = lend(bytes);
    if (!base) return base.error();
    return Loan<Bytes>(std::move(*base));
  }
  Result<void> publish(Loan<Bytes>&& loan, std::string_view key = {}) {
    return publish_loan(std::move(loan), key);
  }

 private:
  template <class>
  friend class Topic;
  using PublisherBase::PublisherBase;
};

}  // namespace tow
