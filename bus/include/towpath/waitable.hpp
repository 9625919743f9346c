#pragma once
/// What a thread can wait for: subscribers and consumers, one or many.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "towpath/options.hpp"
#include "towpath/shm/group.hpp"
#include "towpath/shm/wait.hpp"

namespace tow {

class Loop;
class Notification;

/// What wakes one who sleeps, and until when he may. Keeps mapped what the words lie in.
struct Watch {
  std::shared_ptr<shm::Ring> ring;
  std::shared_ptr<shm::Group> group;      ///< null: of a subscriber
  std::uint64_t sequence = 0;             ///< there is news when this was committed; 0: none is
  std::array<shm::WaitWord, 2> words{};   ///< or when one of these changed; null: there is no such
  std::uint64_t look_at_ns = UINT64_MAX;  ///< or at this time (CLOCK_MONOTONIC)
  std::uint64_t piece_ns = 0;             ///< who sleeps looks again after so long
};

/// A subscriber or a consumer, for wait_any(), epoll and coroutines. One thread at a time.
class Waitable {
 public:
  virtual ~Waitable();
  /// True when try_take() would return a message or an error. Of several consumers one is faster,
  /// and the others find nothing.
  virtual bool ready() const = 0;

  /// A descriptor for epoll, poll, asyncio or Boost.Asio: readable while there may be something to
  /// take. Take with try_take() until nothing is left, then wait again; do not read from it. It
  /// belongs to the subscriber or consumer. One thread of the process serves 63 of them. A
  /// consumer's becomes readable for what is due or was given back, too, and every 50 ms (with towd
  /// every 5 s), because consumers look after dead ones. Errors: system (no descriptors left),
  /// not_supported (an observer).
  Result<int> fd();

 protected:
  friend class Loop;
  friend std::optional<std::size_t> wait_any(std::span<Waitable* const>, std::chrono::nanoseconds);
  explicit Waitable(std::chrono::nanoseconds spin);
  Waitable(Waitable&&) noexcept;
  Waitable& operator=(Waitable&&) noexcept;

  /// False for an observer, which can only poll.
  virtual bool can_sleep() const = 0;
  virtual const shm::Ring& topic_ring() const = 0;
  /// Says that this is about to sleep; `rested`: the last sleep was undisturbed. The caller must
  /// then look again (ready()).
  virtual Watch arm(bool rested) = 0;
  /// What is to be done now and then by who sleeps.
  virtual void look_around() {}
  /// Nothing is there: prepares the descriptor, if there is one, for what comes. True when
  /// something came meanwhile.
  bool rearm();
  /// Something was taken.
  void disturbed() { rested_ = false; }

  std::unique_ptr<Notification> notification_;
  std::uint64_t spin_ns_;

 private:
  static std::optional<std::size_t> first_ready(std::span<Waitable* const> all);
  static std::optional<std::size_t> poll_descriptors(std::span<Waitable* const> all,
                                                     shm::Deadline deadline);
  std::uint64_t look_at_ns_ = UINT64_MAX;  ///< of the last rearm()
  bool rested_ = false;                    ///< nothing was taken since
};

class SubscriberBase;

/// Waits until one of them is ready; returns its position, or nothing when `timeout` passed. One
/// futex_waitv(2) for up to 128 subscribers or 64 consumers; more are served through their
/// descriptors.
std::optional<std::size_t> wait_any(std::span<Waitable* const> all,
                                    std::chrono::nanoseconds timeout = kForever);
/// The same for subscribers alone.
std::optional<std::size_t> wait_any(std::span<SubscriberBase* const> subscribers,
                                    std::chrono::nanoseconds timeout = kForever);

}  // namespace tow
