#include "towpath/consumer.hpp"

#include <algorithm>

#include "dead_letters.hpp"
#include "names.hpp"

namespace tow {

ConsumerState::ConsumerState(std::unique_ptr<shm::Consumer> of, std::shared_ptr<BusState> on)
    : consumer(std::move(of)), bus(std::move(on)) {
  const std::string_view topic = consumer->group()->options().dead_letter.data();
  if (!topic.empty()) dead_letters = std::make_unique<DeadLetters>(bus, std::string(topic));
}

ConsumerState::~ConsumerState() = default;

void ConsumerState::bury() {
  if (dead_letters) dead_letters->move_from(*this);
}

ConsumerBase::ConsumerBase(std::unique_ptr<shm::Consumer> consumer, const ConsumerOptions& options,
                           std::shared_ptr<BusState> bus)
    : Waitable(options.spin),
      state_(std::make_unique<ConsumerState>(std::move(consumer), std::move(bus))) {}

ConsumerBase::ConsumerBase(ConsumerBase&&) noexcept = default;
ConsumerBase& ConsumerBase::operator=(ConsumerBase&&) noexcept = default;
ConsumerBase::~ConsumerBase() = default;

Watch ConsumerBase::arm(bool rested) {
  shm::Consumer& consumer = *state_->consumer;
  const auto words = consumer.arm();
  const std::uint64_t piece_ns = consumer.reader().wait_piece_ns(rested);
  const shm::Deadline next_look = consumer.next_look(shm::Deadline::never().within(piece_ns));
  return {.ring = consumer.group()->shared_ring(),
          .group = consumer.group(),
          .sequence = consumer.awaited(),
          .words = words,
          .look_at_ns = next_look.at_ns(),
          .piece_ns = piece_ns};
}

std::string ConsumerBase::group() const {
  return unescape_topic(state_->consumer->group()->name());
}

Error ConsumerBase::failure(shm::Leased leased) const {
  const shm::Consumer& consumer = *state_->consumer;
  const shm::Group& of = *consumer.group();
  switch (leased) {
    case shm::Leased::exhausted:
      return make_error(Code::too_many,
                        "group " + group() + " of topic " + of.ring().topic() +
                            ": this consumer has " + std::to_string(consumer.outstanding()) +
                            " unsettled deliveries, as many as its prefetch allows; "
                            "settle one first");
    case shm::Leased::unreachable:
      return consumer.failure();
    case shm::Leased::stale:
      return of.ring().participants().not_a_member();
    default:
      return of.end_reason();
  }
}

Error ConsumerBase::damaged(std::uint64_t sequence) const {
  return make_error(Code::corrupt, "topic " + state_->consumer->group()->ring().topic() +
                                       ": message " + std::to_string(sequence) +
                                       " is not of the topic's type and was rejected");
}

DeliveryBase& DeliveryBase::operator=(DeliveryBase&& other) noexcept {
  if (this != &other) {
    if (!settled()) (void)release();
    state_ = std::exchange(other.state_, nullptr);
    lease_ = other.lease_;
  }
  return *this;
}

DeliveryBase::~DeliveryBase() {
  if (!settled()) (void)release();  // a lost lease is as good: somebody else has it
}

Result<void> DeliveryBase::end(bool done) {
  const ConsumerState& state = *std::exchange(state_, nullptr);
  if (done) return {};
  const shm::Group& group = *state.consumer->group();
  return make_error(
      Code::lease_lost,
      "message " + std::to_string(lease_.sequence) + " of group " + unescape_topic(group.name()) +
          " of topic " + group.ring().topic() +
          " is this consumer's no more: its lease ran out, somebody sought, or it was "
          "dropped; another may have it");
}

namespace {

Error already_settled() {
  return make_error(Code::lease_lost, "this delivery was settled before, or holds no message");
}

}  // namespace

Result<void> DeliveryBase::ack() {
  if (settled()) return already_settled();
  return end(state_->consumer->ack(lease_));
}

Result<void> DeliveryBase::release() {
  if (settled()) return already_settled();
  return end(state_->consumer->release(lease_));
}

Result<void> DeliveryBase::retry(std::optional<std::chrono::nanoseconds> after) {
  if (settled()) return already_settled();
  std::optional<std::uint64_t> wait_ns;
  if (after) wait_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(after->count(), 0));
  const bool done = state_->consumer->retry(lease_, wait_ns);
  if (state_->consumer->has_dead()) state_->bury();
  return end(done);
}

Result<void> DeliveryBase::reject(std::string_view reason) {
  if (settled()) return already_settled();
  if (state_->dead_letters && !reason.empty()) {
    state_->dead_letters->note(lease_.sequence, std::string(reason));
  }
  const bool done = state_->consumer->reject(lease_);
  if (state_->consumer->has_dead()) state_->bury();
  return end(done);
}

Result<void> DeliveryBase::renew() {
  if (settled()) return already_settled();
  if (state_->consumer->renew(lease_)) return {};
  state_->consumer->forget(lease_);
  return end(false);
}

}  // namespace tow
