#include "towpath/publisher.hpp"

#include <algorithm>

#include "attributes.hpp"

namespace tow {
namespace {

Error refusal(shm::Append reason, const shm::Ring& ring) {
  const std::string& topic = ring.topic();
  switch (reason) {
    case shm::Append::removed:
      return ring.end_reason();
    case shm::Append::stale:
      return ring.participants().not_a_member();
    case shm::Append::prepared:
      return make_error(Code::invalid_argument,
                        "topic " + topic +
                            ": this publisher has prepared messages; settle or discard them first");
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

PublisherBase::PublisherBase(std::unique_ptr<shm::Writer> writer,
                             std::unique_ptr<shm::Producer> producer,
                             const PublisherOptions& options, std::uint64_t max_message_bytes)
    : writer_(std::move(writer)),
      options_(options),
      min_message_bytes_(writer_->ring().geometry().raw().type_bytes),
      max_message_bytes_(min_message_bytes_ != 0 ? min_message_bytes_ : max_message_bytes),
      producer_(std::move(producer)) {}

template <class Publish>
Result<void> PublisherBase::publish_once(const Attributes& attributes, const Publish& publish) {
  const std::string& topic = writer_->ring().topic();
  if (auto fault = fault_in(attributes, topic)) return *fault;
  if (attributes.number == 0) return publish(encode(attributes).view());
  if (!producer_) {
    return make_error(Code::invalid_argument,
                      "topic " + topic +
                          ": the attribute number needs a producer; give the publisher a name by "
                          "the option producer");
  }
  if (attributes.number <= producer_->last_number()) {
    ++duplicates_;
    return {};
  }
  const std::uint64_t dropped = dropped_;
  auto result = publish(encode(attributes, producer_->name_hash()).view());
  // Dies before: the message says its number; whoever attaches next, or adopts its lane, reads it.
  if (result && dropped == dropped_) producer_->published(attributes.number);
  return result;
}

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
  if (reason == shm::Append::rejected && options_.when_full != WhenFull::drop) {
    return make_error(Code::full, "topic " + topic + " rejects: " + writer_->blocked_by());
  }
  if (reason != shm::Append::full && reason != shm::Append::pool_full &&
      reason != shm::Append::rejected) {
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
                                          shm::FieldsView fields) {
  if (auto fault = fault_in_size(payload_bytes, fields.bytes)) return *fault;
  const auto size = static_cast<std::uint32_t>(payload_bytes);
  const std::size_t stored = payload_bytes + fields.bytes;
  auto result = until_done([&] { return writer_->append(payload, size, fields); }, stored);
  if (stored > writer_->inline_bytes()) writer_->prepare_next(stored);
  return result;
}

Result<void> PublisherBase::publish_bytes(const void* payload, std::size_t payload_bytes,
                                          const Attributes& attributes) {
  return publish_once(attributes, [&](shm::FieldsView fields) {
    return publish_bytes(payload, payload_bytes, fields);
  });
}

std::optional<Error> PublisherBase::fault_in_size(std::size_t payload_bytes,
                                                  std::size_t field_bytes,
                                                  std::size_t lent_bytes) const {
  const std::size_t stored = payload_bytes + field_bytes;
  const std::uint64_t pool = writer_->ring().geometry().raw().pool_bytes;
  const bool has_place = stored <= writer_->inline_bytes() || stored + lent_bytes <= pool;
  const bool fits = payload_bytes >= min_message_bytes_ && payload_bytes <= max_message_bytes_;
  if (fits && has_place) [[likely]]
    return std::nullopt;
  const std::string topic = "topic " + writer_->ring().topic();
  if (!fits && min_message_bytes_ != 0) {
    return make_error(Code::type_mismatch,
                      topic + " carries a type of " + std::to_string(min_message_bytes_) +
                          " bytes, and this message has " + std::to_string(payload_bytes) +
                          "; publish values of that type, or use another topic");
  }
  if (payload_bytes > max_message_bytes_) {
    return make_error(Code::too_large, topic + ": a message of " + std::to_string(payload_bytes) +
                                           " bytes exceeds its limit of " +
                                           std::to_string(max_message_bytes_) +
                                           "; create the topic with a larger max_message_bytes");
  }
  return make_error(
      Code::too_large,
      topic + ": a message of " + std::to_string(payload_bytes) + " bytes and its attributes of " +
          std::to_string(field_bytes) + " bytes do not fit " +
          (lent_bytes == 0 ? "its " : "beside the loan into its ") + std::to_string(pool) +
          " bytes of payload memory; create the topic with more pool_bytes");
}

Result<LoanBase> PublisherBase::lend(std::size_t payload_bytes) {
  if (auto fault = fault_in_size(payload_bytes, 0)) return *fault;
  const auto size = static_cast<std::uint32_t>(payload_bytes);
  if (payload_bytes <= writer_->inline_bytes()) return LoanBase(writer_.get(), size, std::nullopt);
  const std::size_t wanted = std::min<std::size_t>(payload_bytes + kFieldRoom,
                                                   writer_->ring().geometry().raw().pool_bytes);
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

Result<void> PublisherBase::publish_loan(LoanBase&& loan, shm::FieldsView fields) {
  const bool in_place = loan.block_ && loan.size_ >= min_message_bytes_ &&
                        loan.size_ + fields.bytes <= loan.block_->bytes;
  if (!in_place) {
    const std::size_t lent_bytes = loan.block_ ? loan.block_->bytes : 0;
    if (auto fault = fault_in_size(loan.size_, fields.bytes, lent_bytes)) return *fault;
    auto result = publish_bytes(loan.data(), loan.size_, fields);
    if (result) loan.give_back();
    return result;
  }
  auto result = until_done(
      [&] {
        const shm::Append appended = writer_->append_loan(*loan.block_, loan.size_, fields);
        if (appended == shm::Append::done) loan.block_.reset();
        return appended;
      },
      loan.size_);
  if (result) loan.give_back();  // one that was dropped
  writer_->prepare_next(loan.size_);
  return result;
}

Result<void> PublisherBase::publish_loan(LoanBase&& loan, const Attributes& attributes) {
  return publish_once(
      attributes, [&](shm::FieldsView fields) { return publish_loan(std::move(loan), fields); });
}

Result<std::size_t> PublisherBase::publish_equal(const std::byte* payloads,
                                                 std::size_t payload_bytes, std::size_t count,
                                                 const Attributes& attributes) {
  if (auto fault = fault_in(attributes, writer_->ring().topic())) return *fault;
  if (attributes.number != 0) {
    return make_error(
        Code::invalid_argument,
        "topic " + writer_->ring().topic() +
            ": the attribute number is that of one message; publish these one by one");
  }
  const shm::EncodedFields fields = encode(attributes);
  const shm::FieldsView view = fields.view();
  if (auto fault = fault_in_size(payload_bytes, view.bytes)) return *fault;
  const auto size = static_cast<std::uint32_t>(payload_bytes);
  const auto append_rest = [&](std::size_t done) -> shm::Writer::Batch {
    for (std::size_t i = done; i < count; ++i) {
      const shm::Append result = writer_->append(payloads + i * payload_bytes, size, view);
      if (result != shm::Append::done) return {i - done, result};
    }
    return {count - done, shm::Append::done};
  };
  return publish_all(count, payload_bytes + view.bytes, append_rest);
}

namespace {

std::size_t count_of(std::span<const std::byte> payloads, std::size_t payload_bytes) {
  return payload_bytes == 0 ? 0 : payloads.size() / payload_bytes;
}

}  // namespace

Result<std::size_t> Publisher<Bytes>::publish_batch(std::span<const std::byte> payloads,
                                                    std::size_t payload_bytes) {
  const std::size_t count = count_of(payloads, payload_bytes);
  if (auto fault = fault_in_size(payload_bytes, 0)) return *fault;
  return publish_all(count, payload_bytes, [&](std::size_t done) {
    return writer_->append_batch(payloads.data() + done * payload_bytes, payload_bytes,
                                 static_cast<std::uint32_t>(payload_bytes), count - done);
  });
}

Result<std::size_t> Publisher<Bytes>::publish_batch(std::span<const std::byte> payloads,
                                                    std::size_t payload_bytes,
                                                    const Attributes& attributes) {
  return publish_equal(payloads.data(), payload_bytes, count_of(payloads, payload_bytes),
                       attributes);
}

}  // namespace tow
