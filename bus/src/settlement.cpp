#include "towpath/settlement.hpp"

#include <algorithm>

#include "attributes.hpp"
#include "names.hpp"
#include "towpath/shm/group_inputs.hpp"

namespace tow {

/// A message that is to be published, as it will be prepared.
struct Settlement::Output {
  PublisherBase* publisher;
  std::vector<std::byte> payload;
  shm::EncodedFields fields;
};

namespace {

std::string name_of(const shm::Consumer& consumer) {
  return "group " + unescape_topic(consumer.group()->name()) + " of topic " +
         consumer.group()->ring().topic();
}

}  // namespace

Settlement ConsumerBase::settle(DeliveryBase& delivery) {
  Settlement settlement(*state_);
  (void)settlement.add(delivery);  // commit() finds the same fault
  return settlement;
}

Settlement::Settlement(ConsumerState& state) : state_(&state) {}
Settlement::Settlement(Settlement&&) noexcept = default;
Settlement::~Settlement() = default;

Result<void> Settlement::add(DeliveryBase& delivery) {
  if (deliveries_.size() == shm::kMaxRecordInputs) {
    return make_error(Code::too_many, name_of(*state_->consumer) +
                                          ": a settlement acks at most 256 deliveries; commit "
                                          "this one and begin another");
  }
  deliveries_.push_back(&delivery);
  if (delivery.state_ == state_) return {};
  return make_error(Code::lease_lost, name_of(*state_->consumer) +
                                          ": the delivery was settled before, or is another "
                                          "consumer's");
}

Result<void> Settlement::stage(PublisherBase& publisher, const void* payload,
                               std::size_t payload_bytes, const Attributes& attributes) {
  const shm::Ring& ring = publisher.writer_->ring();
  const std::string topic = "topic " + ring.topic();
  if (auto fault = fault_in(attributes, ring.topic())) return *fault;
  if (attributes.number != 0) {
    return make_error(Code::invalid_argument,
                      topic + ": a settlement publishes once without the attribute number");
  }
  if (!ring.geometry().many()) {
    return make_error(Code::not_supported,
                      topic +
                          " has one publisher; a settlement publishes to topics that were "
                          "created with publishers = many");
  }
  if (&ring.participants() != &state_->consumer->group()->ring().participants()) {
    return make_error(Code::invalid_argument,
                      topic +
                          " was opened through another Bus than the consumer's topic; open "
                          "both through one");
  }
  if (outputs_.size() == shm::kMaxRecordOutputs) {
    return make_error(Code::too_many,
                      topic +
                          ": a settlement publishes at most 256 messages; commit this one and "
                          "begin another");
  }
  Output output{&publisher, {}, encode(attributes)};
  if (auto fault = publisher.fault_in_size(payload_bytes, output.fields.view().bytes)) {
    return *fault;
  }
  const auto* const bytes = static_cast<const std::byte*>(payload);
  output.payload.assign(bytes, bytes + payload_bytes);
  outputs_.push_back(std::move(output));
  return {};
}

Result<void> Settlement::prepare(shm::Deadline deadline) {
  for (const Output& output : outputs_) {
    shm::Writer& writer = *output.publisher->writer_;
    const auto bytes = static_cast<std::uint32_t>(output.payload.size());
    const shm::FieldsView fields = output.fields.view();
    shm::Append result = writer.prepare(output.payload.data(), bytes, fields);
    while (result == shm::Append::full || result == shm::Append::pool_full) {
      if (writer.wait_for_room(result, bytes + fields.bytes, deadline) == shm::Wake::timed_out) {
        return refused(shm::Settled::timed_out);
      }
      result = writer.prepare(output.payload.data(), bytes, fields);
    }
    if (result == shm::Append::done) continue;
    if (result == shm::Append::stale) return refused(shm::Settled::stale);
    if (result != shm::Append::prepared) return writer.ring().end_reason();
    return make_error(Code::too_many, "topic " + writer.ring().topic() +
                                          ": a settlement publishes at most half as many messages "
                                          "as a publisher's lane has slots (lane_depth)");
  }
  return {};
}

Result<void> ConsumerState::claim_record() {
  if (record != nullptr) return {};
  auto claimed = shm::Record::claim(consumer->group()->ring(), consumer->group()->name(),
                                    consumer->lessee().index);
  if (!claimed) return claimed.error();
  record = std::move(*claimed);
  return {};
}

void Settlement::discard() const {
  for (const Output& output : outputs_) output.publisher->writer_->discard_prepared();
}

Error Settlement::refused(shm::Settled settled) const {
  const std::string what = name_of(*state_->consumer) + ": the settlement ";
  switch (settled) {
    case shm::Settled::timed_out: {
      std::string who;
      for (const Output& output : outputs_) {
        const shm::Writer& writer = *output.publisher->writer_;
        if (who.empty()) who = "topic " + writer.ring().topic() + ": " + writer.blocked_by();
      }
      return make_error(Code::timed_out, what + "found no room in time (" + who +
                                             "); let its readers read on, or try again");
    }
    case shm::Settled::stale:
      return state_->consumer->group()->ring().participants().not_a_member();
    default:
      return make_error(Code::lease_lost, what +
                                              "acks a message that is this consumer's no more; "
                                              "nothing was published");
  }
}

Result<void> Settlement::commit(std::chrono::nanoseconds timeout) {
  const auto deadline = shm::Deadline::after(timeout);
  shm::Consumer& consumer = *state_->consumer;
  std::vector<shm::RecordInput> inputs;
  for (const DeliveryBase* const delivery : deliveries_) {
    if (delivery->state_ != state_ || !consumer.may_settle(delivery->lease_)) {
      return refused(shm::Settled::lease_lost);
    }
    inputs.push_back({delivery->lease_.sequence, delivery->lease_.bits});
  }
  if (auto claimed = state_->claim_record(); !claimed) return claimed;
  if (auto prepared = prepare(deadline); !prepared) {
    discard();
    return prepared;
  }
  std::vector<shm::Writer*> writers;
  for (const Output& output : outputs_) writers.push_back(output.publisher->writer_.get());
  shm::GroupInputs words(consumer.group()->tables());
  const shm::Settled settled =
      state_->record->settle(words, inputs, writers, consumer.lessee().pack(), deadline);
  if (settled != shm::Settled::done) return refused(settled);
  outputs_.clear();
  for (DeliveryBase* const delivery : deliveries_) {
    consumer.settled(delivery->lease_);
    delivery->state_ = nullptr;
  }
  deliveries_.clear();
  return {};
}

}  // namespace tow
