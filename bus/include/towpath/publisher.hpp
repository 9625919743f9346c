#pragma once
/// The sending side of a topic.

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "towpath/attributes.hpp"
#include "towpath/options.hpp"
#include "towpath/shm/producer.hpp"
#include "towpath/shm/writer.hpp"
#include "towpath/type.hpp"

namespace tow {

/// Payload memory lent to a publisher, written in place, then published or given back. Payloads
/// that fit a slot are written to the loan's own buffer and copied once. It must end before its
/// publisher, on the publisher's thread. When the process dies, an unpublished loan is as if never
/// made. One whose publishing failed is still a loan, and may be published again.
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
  /// Highest number of this producer (PublisherOptions::producer) that is out, also from before a
  /// crash; 0 before the first, and for a publisher without a name.
  std::uint64_t last_number() const { return producer_ ? producer_->last_number() : 0; }
  /// Messages that were not published because their number says that they are out already.
  std::uint64_t duplicates() const { return duplicates_; }
  /// Messages of the last batch that went out or were dropped; after an error too.
  std::size_t published_of_batch() const { return published_of_batch_; }
  /// Waits no longer than that for room from the next call on, as if the options had said so. For
  /// who waits in pieces, to look after something else between them.
  void wait_at_most(std::chrono::nanoseconds longest) { options_.wait_at_most = longest; }

 protected:
  friend class DeadLetters;
  friend class Settlement;
  PublisherBase(std::unique_ptr<shm::Writer> writer, std::unique_ptr<shm::Producer> producer,
                const PublisherOptions& options, std::uint64_t max_message_bytes);

  Result<void> publish_bytes(const void* payload, std::size_t payload_bytes,
                             shm::FieldsView fields = {});
  Result<void> publish_bytes(const void* payload, std::size_t payload_bytes,
                             const Attributes& attributes);
  Result<LoanBase> lend(std::size_t payload_bytes);
  Result<void> publish_loan(LoanBase&& loan, shm::FieldsView fields = {});
  Result<void> publish_loan(LoanBase&& loan, const Attributes& attributes);
  Result<std::size_t> publish_equal(const std::byte* payloads, std::size_t payload_bytes,
                                    std::size_t count, const Attributes& attributes);
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
  /// Calls `publish` with the encoded attributes, unless their number says that it was done.
  template <class Publish>
  Result<void> publish_once(const Attributes& attributes, const Publish& publish);
  /// What keeps a message of these sizes out of this topic for ever, if anything; `lent_bytes` of
  /// its memory are on loan meanwhile.
  std::optional<Error> fault_in_size(std::size_t payload_bytes, std::size_t field_bytes,
                                     std::size_t lent_bytes = 0) const;

  std::unique_ptr<shm::Writer> writer_;
  PublisherOptions options_;
  std::uint64_t min_message_bytes_;  ///< of a typed topic both are the size of its type
  std::uint64_t max_message_bytes_;
  std::uint64_t dropped_ = 0;
  std::unique_ptr<shm::Producer> producer_;  ///< nothing: it has no name
  std::uint64_t duplicates_ = 0;
  std::size_t published_of_batch_ = 0;
};

template <class AppendRest>
Result<std::size_t> PublisherBase::publish_all(std::size_t count, std::size_t payload_bytes,
                                               const AppendRest& append_rest) {
  std::optional<shm::Deadline> deadline;
  std::size_t& done = published_of_batch_;
  done = 0;
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
  Result<void> publish(const T& value) {
    if constexpr (sizeof(T) <= shm::kMaxInlineBytes) {
      if (sizeof(T) <= writer_->inline_bytes()) [[likely]] {
        if (writer_->append_fixed<sizeof(T)>(&value) == shm::Append::done) [[likely]] {
          writer_->notify();
          return {};
        }
      }
    }
    return publish_bytes(&value, sizeof(T));
  }
  /// The same with attributes. A number that is out already is a success that publishes nothing
  /// (duplicates() counts). Further errors: invalid_argument (one out of its range), too_large.
  Result<void> publish(const T& value, const Attributes& attributes) {
    return publish_bytes(&value, sizeof(T), attributes);
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
  /// The same with these attributes for each.
  Result<std::size_t> publish_batch(std::span<const T> values, const Attributes& attributes) {
    return publish_equal(reinterpret_cast<const std::byte*>(values.data()), sizeof(T),
                         values.size(), attributes);
  }
  /// Memory for one T, to be filled in place and published.
  Result<Loan<T>> loan() {
    auto base = lend(sizeof(T));
    if (!base) return base.error();
    return Loan<T>(std::move(*base));
  }
  /// Attributes that take more than 256 bytes cost a copy of the payload.
  Result<void> publish(Loan<T>&& loan) { return publish_loan(std::move(loan)); }
  Result<void> publish(Loan<T>&& loan, const Attributes& attributes) {
    return publish_loan(std::move(loan), attributes);
  }

 private:
  template <class>
  friend class Topic;
  using PublisherBase::PublisherBase;
};

template <>
class Publisher<Bytes> : public PublisherBase {
 public:
  /// Publishes a copy of `payload`, of 0 to max_message_bytes bytes; to a typed topic, of the size
  /// of its type. Errors as for typed topics, and too_large, type_mismatch.
  Result<void> publish(std::span<const std::byte> payload) {
    return publish_bytes(payload.data(), payload.size());
  }
  Result<void> publish(std::string_view payload) {
    return publish_bytes(payload.data(), payload.size());
  }
  /// The same with attributes. Further error: invalid_argument (one out of its range).
  Result<void> publish(std::span<const std::byte> payload, const Attributes& attributes) {
    return publish_bytes(payload.data(), payload.size(), attributes);
  }
  Result<void> publish(std::string_view payload, const Attributes& attributes) {
    return publish_bytes(payload.data(), payload.size(), attributes);
  }
  /// Publishes `count` payloads of `payload_bytes` each that lie one after the other.
  Result<std::size_t> publish_batch(std::span<const std::byte> payloads, std::size_t payload_bytes);
  /// The same with these attributes for each.
  Result<std::size_t> publish_batch(std::span<const std::byte> payloads, std::size_t payload_bytes,
                                    const Attributes& attributes);
  /// Memory for up to `bytes`, to be filled in place, perhaps shrunk, and published.
  Result<Loan<Bytes>> loan(std::size_t bytes) {
    auto base = lend(bytes);
    if (!base) return base.error();
    return Loan<Bytes>(std::move(*base));
  }
  /// Attributes that take more than 256 bytes cost a copy of the payload.
  Result<void> publish(Loan<Bytes>&& loan) { return publish_loan(std::move(loan)); }
  Result<void> publish(Loan<Bytes>&& loan, const Attributes& attributes) {
    return publish_loan(std::move(loan), attributes);
  }

 private:
  template <class>
  friend class Topic;
  using PublisherBase::PublisherBase;
};

}  // namespace tow
