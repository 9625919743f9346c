#include "towpath/subscriber.hpp"

#include "notification.hpp"

namespace tow {

SubscriberBase::SubscriberBase(std::unique_ptr<shm::Reader> reader,
                               const SubscriberOptions& options)
    : Waitable(options.spin), reader_(std::move(reader)) {}

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

Watch SubscriberBase::arm(bool rested) {
  return {.ring = reader_->ring(),
          .group = nullptr,
          .sequence = reader_->next_sequence(),
          .words = {reader_->arm()},
          .piece_ns = reader_->wait_piece_ns(rested)};
}

}  // namespace tow
