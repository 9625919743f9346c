#pragma once
/// Acking deliveries and publishing messages, all or none.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "towpath/consumer.hpp"
#include "towpath/publisher.hpp"

namespace tow {

/// One settlement: deliveries of one consumer that are acked, and messages that are published, to
/// one topic or several, all or none, exactly once, whoever dies. Nothing happens before commit();
/// one that ends without it leaves the deliveries as they were.
///
/// On the thread of its consumer and its publishers, which must outlive it, as the deliveries must.
/// Only commit() waits. The process may die anywhere: before the commit point the deliveries come
/// again and nothing was published; behind it whoever notices the death finishes it. All or none,
/// but not at one moment: messages become visible one after the other. Topics that are published to
/// have many publishers (`publishers = many`) and are opened through the same Bus.
class Settlement {
 public:
  Settlement(Settlement&&) noexcept;
  Settlement& operator=(Settlement&&) = delete;
  ~Settlement();

  /// One more delivery of the same consumer; at most 256.
  Result<void> add(DeliveryBase& delivery);
  /// One more message, of which it keeps a copy; at most 256, on 16 topics. Errors: too_large,
  /// too_many, invalid_argument (an attribute; a number, which it does not need; another bus),
  /// not_supported (a topic of one publisher).
  template <class T>
  Result<void> publish(Publisher<T>& publisher, const T& value, const Attributes& attributes = {}) {
    return stage(publisher, &value, sizeof(T), attributes);
  }
  Result<void> publish(Publisher<Bytes>& publisher, std::string_view payload,
                       const Attributes& attributes = {}) {
    return stage(publisher, payload.data(), payload.size(), attributes);
  }

  /// Acks all and publishes all. Waits up to `timeout` for room; once it is decided, for as long as
  /// readers hold it up. Errors, after which nothing has happened: lease_lost (a delivery is this
  /// consumer's no more), timed_out, removed, no_permission, no_space; and stale: others finish it,
  /// or undo it. After timed_out it may be tried again. The deliveries are settled on success only.
  Result<void> commit(std::chrono::nanoseconds timeout = kForever);

 private:
  friend class ConsumerBase;
  struct Output;
  explicit Settlement(ConsumerState& state);
  Result<void> stage(PublisherBase& publisher, const void* payload, std::size_t payload_bytes,
                     const Attributes& attributes);
  Result<void> prepare(shm::Deadline deadline);
  Error refused(shm::Settled settled) const;
  void discard() const;

  ConsumerState* state_;
  std::vector<DeliveryBase*> deliveries_;
  std::vector<Output> outputs_;
};

}  // namespace tow
