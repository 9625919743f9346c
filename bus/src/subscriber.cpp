#include "towpath/subscriber.hpp"

#include <cstring>

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

shm::Take SubscriberBase::copy_value(std::byte* value, std::uint32_t bytes) {
  std::uint64_t sequence = 0;
  if (bytes <= reader_->inline_bytes()) {
    const auto plain = reader_->try_take_plain(value, bytes, sequence);
    if (plain == shm::Reader::Fixed::taken) [[likely]]
      return shm::Take::message;
    if (plain == shm::Reader::Fixed::empty) return shm::Take::empty;
  }
  shm::Received received;
  alignas(16) std::byte buffer[shm::kMaxInlineBytes];
  const shm::Take take = reader_->try_take_sized(bytes, received, buffer);
  if (take == shm::Take::message) {
    std::memcpy(value, received.data, bytes);
    if (received.hold != shm::Received::kNoHold) reader_->release(received.hold);
  }
  return take;
}

Result<std::size_t> SubscriberBase::copy_values(std::byte* values, std::uint32_t bytes,
                                                std::size_t max) {
  constexpr int kMaxLooks = 16;  // then the descriptor stays readable, and the caller comes back
  std::size_t count = 0;
  for (int looks = 0; count < max && looks < kMaxLooks;) {
    const shm::Take take = copy_value(values + count * bytes, bytes);
    if (take == shm::Take::message) [[likely]] {
      ++count;
    } else if (count != 0) {
      break;  // an error comes again with the next take, as the first
    } else if (take == shm::Take::other_size) {
      return take_or_skip(values, bytes);
    } else if (take != shm::Take::empty) {
      return failure(take);
    } else if (++looks; !notification_ || !rearm()) {
      break;
    }
  }
  return count;
}

/// Takes what seemed to be of another size.
Result<std::size_t> SubscriberBase::take_or_skip(std::byte* value, std::uint32_t bytes) {
  shm::Received received;
  alignas(16) std::byte buffer[shm::kMaxInlineBytes];
  const shm::Take take = reader_->try_take(received, buffer);
  if (take == shm::Take::empty) return std::size_t{0};
  if (take != shm::Take::message) return failure(take);
  const bool same = received.payload_bytes == bytes;
  if (same) std::memcpy(value, received.data, bytes);
  if (received.hold != shm::Received::kNoHold) reader_->release(received.hold);
  if (same) return std::size_t{1};
  return make_error(Code::type_mismatch, "topic " + reader_->ring()->topic() + ": message " +
                                             std::to_string(received.sequence) + " has " +
                                             std::to_string(received.payload_bytes) +
                                             " bytes and no value of " + std::to_string(bytes) +
                                             "; it was skipped");
}

Result<std::size_t> SubscriberBase::take_values(std::span<std::byte> values,
                                                std::size_t value_bytes,
                                                std::chrono::nanoseconds timeout) {
  if (value_bytes == 0 || value_bytes > shm::kMaxMessageBytes) {
    return make_error(Code::invalid_argument, "topic " + reader_->ring()->topic() + ": values of " +
                                                  std::to_string(value_bytes) +
                                                  " bytes; from 1 byte to 1 GiB can be taken");
  }
  const auto bytes = static_cast<std::uint32_t>(value_bytes);
  const std::size_t max = values.size() / value_bytes;
  auto count = copy_values(values.data(), bytes, max);
  if (!count || *count != 0 || max == 0) return count;
  const auto deadline = shm::Deadline::after(timeout);
  while (wait(deadline) == shm::Wake::changed) {
    count = copy_values(values.data(), bytes, max);
    if (!count || *count != 0 || deadline.passed()) break;
  }
  return count;
}

}  // namespace tow
