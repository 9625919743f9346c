#pragma once
/// The receiving side of a group: deliveries, and what becomes of them.

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "towpath/message.hpp"
#include "towpath/options.hpp"
#include "towpath/shm/consumer.hpp"
#include "towpath/shm/record.hpp"
#include "towpath/waitable.hpp"

namespace tow {

struct BusState;
class DeadLetters;
class ServerBase;
class Settlement;
template <class Source>
class Next;

struct ConsumerOptions {
  /// Deliveries that it may have unsettled, 1 to 256. 1 shares slow work most fairly; 8 and more is
  /// fastest.
  std::uint32_t prefetch = 8;
  /// Large messages held in place at a time, up to 64; further ones are copied.
  std::uint32_t max_held = 64;
  /// How long take() looks before it sleeps.
  std::chrono::nanoseconds spin = std::chrono::microseconds(50);
};

/// What a consumer and its deliveries work with; it does not move when they do.
struct ConsumerState {
  ConsumerState(std::unique_ptr<shm::Consumer> of, std::shared_ptr<BusState> on);
  ~ConsumerState();
  /// Moves dead messages to the dead letters, as far as there is room.
  void bury();
  /// Makes sure that there is a record, for settlements. Errors as shm::Record::claim.
  Result<void> claim_record();

  std::unique_ptr<shm::Consumer> consumer;
  std::unique_ptr<shm::Record> record;        ///< null: it has never settled with outputs
  std::unique_ptr<DeadLetters> dead_letters;  ///< null: the group drops the dead
  std::shared_ptr<BusState> bus;
};

/// What deliveries of all types share.
class DeliveryBase {
 public:
  /// How often handling it was begun and failed before.
  std::uint32_t attempts() const { return lease_.attempts; }
  /// True when somebody has begun to handle it before: it may have been done.
  bool redelivered() const { return lease_.redelivered; }
  /// True once it was acked, released, retried or rejected, or never was one.
  bool settled() const { return state_ == nullptr; }

  /// It is done, and comes never again. Errors of this and of the others: lease_lost (its time
  /// passed, there was a seek, or it was dropped: somebody else may have it).
  Result<void> ack();
  /// As if it had not been handed out: at once to anybody, not counted as an attempt, flagged as
  /// redelivered.
  Result<void> release();
  /// This attempt failed: again after a while, by default the group's backoff. After the last
  /// attempt it is given up.
  Result<void> retry(std::optional<std::chrono::nanoseconds> after = std::nullopt);
  /// It is given up: to the dead letters, with the reason.
  Result<void> reject(std::string_view reason = {});
  /// Starts the time of its lease anew, where the group has one.
  Result<void> renew();

 protected:
  friend class Settlement;
  DeliveryBase() = default;
  DeliveryBase(DeliveryBase&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), lease_(other.lease_) {}
  DeliveryBase& operator=(DeliveryBase&& other) noexcept;
  ~DeliveryBase();
  /// Ends the delivery: `done` says whether it still was this consumer's.
  Result<void> end(bool done);

  ConsumerState* state_ = nullptr;
  shm::Lease lease_;
};

/// A message handed to one consumer of a group, until it is settled; or why there is none. One that
/// ends unsettled is released. It must end before its consumer, on the consumer's thread. Movable.
template <class T = Bytes>
class Delivery : public Taken<T>, public DeliveryBase {
 public:
  Delivery() = default;
  Delivery(Error error) : Taken<T>(error) {}  // NOLINT: as Taken

  using DeliveryBase::release;  // the delivery; its payload stays until the delivery ends

 private:
  template <class>
  friend class Consumer;
};

/// What consumers of all types share. One thread at a time. Only take() and wait functions wait.
/// When it ends, what it has not settled goes back without blame. When its process dies, others get
/// what it had: what it had begun as one failed attempt, the rest without blame.
///
/// fd() stays readable while as many deliveries are in hand as `prefetch` allows: settle one first.
class ConsumerBase : public Waitable {
 public:
  ConsumerBase(ConsumerBase&&) noexcept;
  ConsumerBase& operator=(ConsumerBase&&) noexcept;
  ~ConsumerBase() override;

  bool ready() const final { return state_->consumer->ready(); }
  /// Deliveries handed out or prefetched, and not settled.
  std::uint32_t outstanding() const { return state_->consumer->outstanding(); }
  std::string group() const;
  /// Begins a settlement: acks the delivery, together with what is published by it, all or none.
  /// See Settlement (settlement.hpp); more deliveries may be added there.
  Settlement settle(DeliveryBase& delivery);

 protected:
  ConsumerBase(std::unique_ptr<shm::Consumer> consumer, const ConsumerOptions& options,
               std::shared_ptr<BusState> bus);
  Error failure(shm::Leased leased) const;
  Error damaged(std::uint64_t sequence) const;

  std::unique_ptr<ConsumerState> state_;

 private:
  bool can_sleep() const final { return true; }
  const shm::Ring& topic_ring() const final { return state_->consumer->group()->ring(); }
  Watch arm(bool rested) final;
  void look_around() final { state_->consumer->look_around(); }
};

/// Takes deliveries of T, or bytes. See ConsumerBase for threads, waiting and death.
template <class T = Bytes>
class Consumer : public ConsumerBase {
 public:
  /// The next delivery if there is one; never waits. Errors, here and below: too_many (as many are
  /// unsettled as `prefetch` allows), removed, stale.
  Delivery<T> try_take() {
    Delivery<T> delivery;
    look(delivery);
    return delivery;
  }
  /// The next delivery, waiting up to `timeout` for it.
  Delivery<T> take(std::chrono::nanoseconds timeout = kForever) {
    Delivery<T> delivery;
    take_into(delivery, timeout);
    return delivery;
  }
  /// For C++20 coroutines run by tow::run(): `while (auto delivery = co_await consumer.next())`.
  /// Several may wait for one consumer at a time; each delivery goes to one of them.
  Next<Consumer<T>> next() { return Next<Consumer<T>>(*this); }
  /// Appends up to `max` deliveries to `out`, waiting up to `timeout` for the first. Returns how
  /// many.
  Result<std::size_t> take_batch(std::vector<Delivery<T>>& out, std::size_t max,
                                 std::chrono::nanoseconds timeout = kForever) {
    std::size_t count = 0;
    while (count < max) {
      Delivery<T> delivery = count == 0 ? take(timeout) : try_take();
      if (delivery.failed() && count == 0) return delivery.error();
      if (!delivery) break;
      out.push_back(std::move(delivery));
      ++count;
    }
    return count;
  }
  /// Acks all of them; returns how many were still this consumer's.
  static std::size_t ack_all(std::span<Delivery<T>> deliveries) {
    std::size_t acked = 0;
    for (Delivery<T>& delivery : deliveries) acked += delivery.ack() ? 1 : 0;
    return acked;
  }

 private:
  template <class>
  friend class Group;
  friend class ServerBase;
  using ConsumerBase::ConsumerBase;

  /// take(), into a delivery that holds nothing; as if the time was over once `interrupt` is true.
  void take_into(Delivery<T>& delivery, std::chrono::nanoseconds timeout,
                 const std::atomic<bool>* interrupt = nullptr) {
    if (look(delivery)) return;
    const auto deadline = shm::Deadline::after(timeout);
    while (state_->consumer->wait(deadline, spin_ns_, interrupt) == shm::Wake::changed) {
      if (look(delivery) || deadline.passed()) return;
    }
  }

  /// True when `delivery` has something to say.
  bool look(Delivery<T>& delivery) {
    constexpr int kMaxLooks = 16;  // then the descriptor stays readable, and the caller comes back
    for (int looks = 0; looks < kMaxLooks; ++looks) {
      if (look_once(delivery)) return true;
      if (!notification_ || !rearm()) return false;
    }
    return false;
  }
  bool look_once(Delivery<T>& delivery) {
    shm::Consumer& consumer = *state_->consumer;
    delivery.reader_ = &consumer.reader();
    const shm::Leased leased =
        consumer.try_take(delivery.lease_, delivery.received_, delivery.buffer_);
    if (consumer.has_dead()) [[unlikely]]
      state_->bury();
    if (leased == shm::Leased::empty) return false;
    disturbed();
    if (leased != shm::Leased::message) {
      delivery.error_ = failure(leased);
      return delivery.failed_ = true;
    }
    delivery.state_ = state_.get();
    if constexpr (!std::is_same_v<T, Bytes>) {
      if (delivery.received_.payload_bytes != sizeof(T)) {  // a publisher that broke its word
        (void)delivery.reject("not of the topic's type");
        delivery.error_ = damaged(delivery.lease_.sequence);
        return delivery.failed_ = true;
      }
    }
    return delivery.has_message_ = true;
  }
};

}  // namespace tow
