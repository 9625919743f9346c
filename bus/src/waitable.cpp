#include "towpath/waitable.hpp"

#include <errno.h>
#include <poll.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "notification.hpp"
#include "towpath/subscriber.hpp"

namespace tow {

Waitable::Waitable(std::chrono::nanoseconds spin)
    : spin_ns_(static_cast<std::uint64_t>(std::max<std::int64_t>(spin.count(), 0))) {}

Waitable::Waitable(Waitable&&) noexcept = default;
Waitable& Waitable::operator=(Waitable&&) noexcept = default;
Waitable::~Waitable() = default;

Result<int> Waitable::fd() {
  if (!can_sleep()) {
    return make_error(
        Code::not_supported,
        "topic " + topic_ring().topic() + ": an observer has no descriptor; subscribe instead");
  }
  if (!notification_) {
    notification_ = Notification::make();
    if (!notification_) {
      return make_error(Code::system, "make a descriptor for topic " + topic_ring().topic(), errno);
    }
    notification_->signal();  // the first poll looks; try_take() arms it once there is nothing
  }
  return notification_->fd();
}

bool Waitable::rearm() {
  if (notification_->armed()) return false;
  notification_->clear();
  if (look_at_ns_ <= shm::monotonic_ns()) look_around();
  Watch watch = arm(std::exchange(rested_, true));
  look_at_ns_ = watch.look_at_ns;
  if (ready()) {
    notification_->signal();
    return true;
  }
  notification_->watch(std::move(watch));
  return false;
}

std::optional<std::size_t> Waitable::first_ready(std::span<Waitable* const> all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]->ready()) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> Waitable::poll_descriptors(std::span<Waitable* const> all,
                                                      shm::Deadline deadline) {
  constexpr int kPieceMs = 50;
  constexpr int kObserverPieceMs = 1;
  int piece_ms = kPieceMs;
  std::vector<pollfd> descriptors;
  for (Waitable* const one : all) {
    const auto fd = one->fd();
    if (!fd) piece_ms = kObserverPieceMs;
    descriptors.push_back({fd ? *fd : -1, POLLIN, 0});
  }
  do {
    for (Waitable* const one : all) {
      if (one->notification_ && !one->ready()) one->rearm();
    }
    if (const auto ready = first_ready(all)) return ready;
    poll(descriptors.data(), descriptors.size(), piece_ms);
  } while (!deadline.passed());
  return std::nullopt;
}

std::optional<std::size_t> wait_any(std::span<Waitable* const> all,
                                    std::chrono::nanoseconds timeout) {
  const auto deadline = shm::Deadline::after(timeout);
  std::uint64_t spin_ns = 0;
  bool all_sleep = true, rested = false;
  for (const Waitable* const one : all) {
    spin_ns = std::max(spin_ns, one->spin_ns_);
    all_sleep = all_sleep && one->can_sleep();
  }
  const auto spin = deadline.within(spin_ns);
  do {
    if (const auto ready = Waitable::first_ready(all)) return ready;
    shm::pause();
  } while (!spin.passed());
  std::vector<shm::WaitWord> words;
  while (!deadline.passed()) {
    auto piece = deadline.within(shm::kSupervisedPieceNs);
    words.clear();
    for (std::size_t i = 0; all_sleep && i < all.size(); ++i) {
      const Watch watch = all[i]->arm(rested);
      piece = piece.within(watch.piece_ns).until(watch.look_at_ns);
      for (const shm::WaitWord& word : watch.words) {
        if (word.word != nullptr) words.push_back(word);
      }
    }
    if (const auto ready = Waitable::first_ready(all)) return ready;
    if (!all_sleep || words.size() > shm::kMaxWaitWords) {
      return Waitable::poll_descriptors(all, deadline);
    }
    rested = shm::futex_wait_any(words, piece) == shm::Wake::timed_out;
    if (rested) {
      for (Waitable* const one : all) one->look_around();
    }
    if (const auto ready = Waitable::first_ready(all)) return ready;
  }
  return std::nullopt;
}

std::optional<std::size_t> wait_any(std::span<SubscriberBase* const> subscribers,
                                    std::chrono::nanoseconds timeout) {
  const std::vector<Waitable*> all(subscribers.begin(), subscribers.end());
  return wait_any(std::span<Waitable* const>(all), timeout);
}

}  // namespace tow
