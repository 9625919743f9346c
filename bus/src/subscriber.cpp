#include "towpath/subscriber.hpp"

#include <errno.h>
#include <poll.h>

#include <algorithm>

#include "notification.hpp"

namespace tow {

SubscriberBase::SubscriberBase(std::unique_ptr<shm::Reader> reader,
                               const SubscriberOptions& options)
    : reader_(std::move(reader)),
      spin_ns_(static_cast<std::uint64_t>(std::max<std::int64_t>(options.spin.count(), 0))) {}

SubscriberBase::SubscriberBase(SubscriberBase&&) noexcept = default;
SubscriberBase& SubscriberBase::operator=(SubscriberBase&&) noexcept = default;
SubscriberBase::~SubscriberBase() = default;

Error SubscriberBase::failure(shm::Take take) const {
  const std::string& topic = reader_->ring()->topic();
  switch (take) {
    case shm::Take::evicted:
      return make_error(Code::evicted,
                        "topic " + topic +
                            ": this subscriber fell behind its max_lag and was evicted; messages "
                            "from " +
                            std::to_string(reader_->next_sequence()) +
                            " on may be gone; subscribe anew");
    case shm::Take::unreachable:
      return reader_->failure();
    case shm::Take::stale:
      return reader_->ring()->participants().not_a_member();
    case shm::Take::removed:
      return reader_->ring()->end_reason();
    default:
      return make_error(Code::corrupt, "topic " + topic + ": message " +
                                           std::to_string(reader_->next_sequence() - 1) +
                                           " is damaged or gone and was skipped");
  }
}

shm::Wake SubscriberBase::wait(shm::Deadline deadline) { return reader_->wait(deadline, spin_ns_); }

Result<int> SubscriberBase::fd() {
  if (!reader_->can_sleep()) {
    return make_error(
        Code::not_supported,
        "topic " + reader_->ring()->topic() + ": an observer has no descriptor; subscribe instead");
  }
  if (!notification_) {
    notification_ = Notification::make();
    if (!notification_) {
      return make_error(Code::system, "make a descriptor for topic " + reader_->ring()->topic(),
                        errno);
    }
    notification_->signal();  // the first poll looks; try_take() arms it once there is nothing
  }
  return notification_->fd();
}

bool SubscriberBase::rearm() {
  if (notification_->armed()) return false;
  notification_->clear();
  const shm::WaitWord word = reader_->arm();
  if (reader_->ready()) {
    notification_->signal();
    return true;
  }
  notification_->watch(reader_->ring(), reader_->next_sequence(), word);
  return false;
}

std::optional<std::size_t> SubscriberBase::first_ready(
    std::span<SubscriberBase* const> subscribers) {
  for (std::size_t i = 0; i < subscribers.size(); ++i) {
    if (subscribers[i]->ready()) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> SubscriberBase::poll_descriptors(
    std::span<SubscriberBase* const> subscribers, shm::Deadline deadline) {
  constexpr int kPieceMs = 50;
  constexpr int kObserverPieceMs = 1;
  int piece_ms = kPieceMs;
  std::vector<pollfd> descriptors;
  for (SubscriberBase* const subscriber : subscribers) {
    const auto fd = subscriber->fd();
    if (!fd) piece_ms = kObserverPieceMs;
    descriptors.push_back({fd ? *fd : -1, POLLIN, 0});
  }
  do {
    for (SubscriberBase* const subscriber : subscribers) {
      if (subscriber->notification_ && !subscriber->ready()) subscriber->rearm();
    }
    if (const auto ready = first_ready(subscribers)) return ready;
    poll(descriptors.data(), descriptors.size(), piece_ms);
  } while (!deadline.passed());
  return std::nullopt;
}

std::optional<std::size_t> wait_any(std::span<SubscriberBase* const> subscribers,
                                    std::chrono::nanoseconds timeout) {
  const auto deadline = shm::Deadline::after(timeout);
  std::uint64_t spin_ns = 0;
  bool all_sleep = true, rested = false;
  for (const SubscriberBase* const subscriber : subscribers) {
    spin_ns = std::max(spin_ns, subscriber->spin_ns_);
    all_sleep = all_sleep && subscriber->reader_->can_sleep();
  }
  const auto spin = deadline.within(spin_ns);
  do {
    if (const auto ready = SubscriberBase::first_ready(subscribers)) return ready;
    shm::pause();
  } while (!spin.passed());
  if (!all_sleep || subscribers.size() > shm::kMaxWaitWords) {
    return SubscriberBase::poll_descriptors(subscribers, deadline);
  }
  std::vector<shm::WaitWord> words(subscribers.size());
  while (!deadline.passed()) {
    std::uint64_t piece_ns = shm::kSupervisedPieceNs;
    for (std::size_t i = 0; i < subscribers.size(); ++i) {
      words[i] = subscribers[i]->reader_->arm();
      piece_ns = std::min(piece_ns, subscribers[i]->reader_->wait_piece_ns(rested));
    }
    if (const auto ready = SubscriberBase::first_ready(subscribers)) return ready;
    rested = shm::futex_wait_any(words, deadline.within(piece_ns)) == shm::Wake::timed_out;
    if (const auto ready = SubscriberBase::first_ready(subscribers)) return ready;
  }
  return std::nullopt;
}

}  // namespace tow
