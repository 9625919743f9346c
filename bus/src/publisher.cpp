#include "towpath/publisher.hpp"

#include <algorithm>

namespace tow {
namespace {

/// A loan leaves room behind the payload for a key.
constexpr std::size_t kFieldRoom = shm::kMaxKeyBytes + 1;

Error refusal(shm::Append reason, const shm::Ring& ring) {
  const std::string& topic = ring.topic();
  switch (reason) {
    case shm::Append::removed:
      return ring.end_reason();
    case shm::Append::stale:
      return ring.participants().not_a_member();
    default:
      return make_error(Code::corrupt, "topic " + topic +
                                           ": its order is damaged; remove the topic and create "
                                           "it anew");
  }
}

}  // namespace

LoanBase::LoanBase(LoanBase&& other) noexcept
    : writer_(other.writer_),
      size_(other.size_),
      block_(std::exchange(other.block_, std::nullopt)) {
  if (!block_) std::memcpy(buffer_, other.buffer_, std::min<std::size_t>(size_, sizeof buffer_));
}

void LoanBase::copy_from(std::span<const std::byte> source) {
  shm::copy_payload(data(), source.data(), std::min<std::size_t>(source.size(), size_));
}

void LoanBase::fill(std::byte value) { shm::fill_payload(data(), value, size_); }

PublisherBase::PublisherBase(std::unique_ptr<shm::Writer> writer, const PublisherOptions& options,
                             std::uint64_t max_message_bytes)
    : writer_(std::move(writer)), options_(options), max_message_bytes_(max_message_bytes) {}

template <class Attempt>
Result<void> PublisherBase::until_done(Attempt&& attempt, std::size_t bytes) {
  shm::Append result = attempt();
  if (result != shm::Append::done) {
    const auto deadline = shm::Deadline::after(options_.wait_at_most);
    do {
      auto next = on_full(result, bytes, deadline);
      if (!next) return next.error();
      if (*next == Next::dropped) return {};
      result = attempt();
    } while (result != shm::Append::done);
  }
  writer_->notify();
  return {};
}

Result<PublisherBase::Next> PublisherBase::on_full(shm::Append reason, std::size_t bytes,
                                                   shm::Deadline deadline) {
  const std::string& topic = writer_->ring().topic();
  if (reason != shm::Append::full && reason != shm::Append::pool_full) {
    return refusal(reason, writer_->ring());
  }
  if (options_.when_full == WhenFull::wait) {
    if (writer_->wait_for_room(reason, bytes, deadline) == shm::Wake::changed) return Next::again;
  } else if (writer_->release_dead()) {
    return Next::again;
  }
  if (options_.when_full == WhenFull::drop) {
    writer_->count_drop();
    ++dropped_;
    return Next::dropped;
  }
  const bool waited = options_.when_full == WhenFull::wait;
  const std::string what = reason == shm::Append::full
                               ? " is full: "
                               : " has no payload memory left (" + std::to_string(bytes) +
                                     " bytes asked, pool_bytes bounds it): ";
  return make_error(waited ? Code::timed_out : Code::full,
                    "topic " + topic + what + writer_->blocked_by() +
                        "; let it read on, make it lossy or give it a max_lag, or create the topic "
                        "with more depth or pool_bytes");
}

Result<void> PublisherBase::publish_bytes(const void* payload, std::size_t payload_bytes,
                                          std::string_view key) {
  if (payload_bytes > max_message_bytes_) return too_large(payload_bytes);
  if (key.size() > shm::kMaxKeyBytes) return key_too_long(key.size());
  const auto size = static_cast<std::uint32_t>(payload_bytes);
  auto result =
      until_done([&] { return writer_->append(payload, size, key); }, payload_bytes + kFieldRoom);
  if (payload_bytes > writer_->inline_bytes()) writer_->prepare_next(payload_bytes);
  return result;
}

Error PublisherBase::too_large(std::size_t payload_bytes) const {
  return make_error(Code::too_large, "topic " + writer_->ring().topic() + ": a message of " +
                                         std::to_string(payload_bytes) +
                                         " bytes exceeds its limit of " +
                                         std::to_string(max_message_bytes_) +
                                         "; create the topic with a larger max_message_bytes");
}

Error PublisherBase::key_too_long(std::size_t key_bytes) const {
  return make_error(Code::invalid_argument, "topic " + writer_->ring().topic() + ": a key of " +
                                                std::to_string(key_bytes) +
                                                " bytes; keys have at most 255");
}

Result<LoanBase> PublisherBase::lend(std::size_t payload_bytes) {
  if (payload_bytes > max_message_bytes_) return too_large(payload_bytes);
  const auto size = static_cast<std::uint32_t>(payload_bytes);
  if (payload_bytes <= writer_->inline_bytes()) return LoanBase(writer_.get(), size, std::nullopt);
  const std::size_t wanted = payload_bytes + kFieldRoom;
  const auto deadline = shm::Deadline::after(options_.wait_at_most);
  while (true) {
    if (const auto block = writer_->loan(wanted)) return LoanBase(writer_.get(), size, block);
    const shm::Append state = writer_->check_alive();
    auto next =
        on_full(state == shm::Append::done ? shm::Append::pool_full : state, wanted, deadline);
    if (!next) return next.error();
    if (*next == Next::dropped) {
      return make_error(Code::full, "topic " + writer_->ring().topic() +
                                        " has no payload memory to lend; the loan was dropped");
    }
  }
}

Result<void> PublisherBase::publish_loan(LoanBase&& loan, std::string_view key) {
  if (key.size() > shm::kMaxKeyBytes) return key_too_long(key.size());
  if (!loan.block_) return publish_bytes(loan.buffer_, loan.size_, key);
  auto result = until_done(
      [&] {
        const shm::Append appended = writer_->append_loan(*loan.block_, loan.size_, key);
        if (appended == shm::Append::done) loan.block_.reset();
        return appended;
      },
      loan.size_);
  loan.give_back();
  writer_->prepare_next(loan.size_);
  return result;
}

Result<std::size_t> Publisher<Bytes>::publish_batch(std::span<const std::byte> payloads,
                                                    std::size_t payload_bytes) {
  const std::size_t count = payload_bytes == 0 ? 0 : payloads.size() / payload_bytes;
  if (payload_bytes > max_message_bytes_) return too_large(payload_bytes);
  return publish_all(count, payload_bytes, [&](std::size_t done) {
    return writer_->append_batch(payloads.data() + done * payload_bytes, payload_bytes,
                                 static_cast<std::uint32_t>(payload_bytes), count - done);
  });
}

}  // namespace tow
