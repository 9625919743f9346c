#include "dead_letters.hpp"

#include <algorithm>

#include "attributes.hpp"
#include "names.hpp"
#include "towpath/bus.hpp"
#include "towpath/shm/group_inputs.hpp"

namespace tow {
namespace {

using shm::DeadReason;
using shm::GroupWord;

const char* to_text(DeadReason reason) {
  switch (reason) {
    case DeadReason::attempts:
      return "attempts";
    case DeadReason::expired:
      return "expired";
    case DeadReason::dropped:
      return "dropped";
    default:
      return "rejected";
  }
}

/// The fields of a dead message, its time to live and delay left out, its headers with more behind
/// them. As many of these as there is room for.
shm::EncodedFields with_headers(const shm::FieldsView& was, const Headers& more) {
  const std::span<const std::byte> before = was.headers();
  const std::size_t added = encoded_bytes(more);
  const bool fits = before.size() + added <= shm::kMaxHeadersBytes;
  shm::EncodedFields fields({.tag = was.tag(),
                             .key = was.key(),
                             .correlation_id = was.correlation_id(),
                             .reply_topic = was.reply_topic(),
                             .content_type = was.content_type(),
                             .header_bytes = before.size() + (fits ? added : 0),
                             .priority = was.priority()});
  const std::span<std::byte> room = fields.header_room();
  std::copy_n(before.begin(), std::min(before.size(), room.size()), room.begin());
  if (fits) encode(more, room.subspan(before.size()));
  return fields;
}

}  // namespace

bool DeadLetters::open(const shm::Ring& from) {
  if (publisher_) return true;
  const Bus bus(bus_);
  auto topic = bus.topic(topic_, {.create = false});
  if (!topic && topic.error() == Code::not_found) {
    const std::uint64_t largest = from.geometry().raw().max_message_bytes;
    topic = bus.topic(topic_, {.publishers = Publishers::many, .max_message_bytes = largest});
  }
  if (!topic) return false;
  auto publisher = topic->publisher({.when_full = WhenFull::fail});
  if (!publisher) return false;
  publisher_.emplace(std::move(*publisher));
  return true;
}

std::string DeadLetters::reason_of(const shm::Consumer::Dead& dead) const {
  const auto noted = reasons_.find(dead.sequence);
  if (noted != reasons_.end()) return noted->second;
  return to_text(static_cast<DeadReason>(dead.word.means.who));
}

void DeadLetters::move_from(ConsumerState& state) {
  constexpr int kMost = 16;  // the rest at the next look: the living come first
  for (int moved = 0; moved < kMost; ++moved) {
    auto dead = state.consumer->next_dead();
    if (!dead || !move(state, *dead)) return;
    reasons_.erase(dead->sequence);
  }
}

bool DeadLetters::move(ConsumerState& state, shm::Consumer::Dead& dead) {
  shm::Consumer& consumer = *state.consumer;
  const shm::Group& group = *consumer.group();
  if (!open(group.ring())) return drop(consumer, dead);
  shm::Received message;
  alignas(16) std::byte buffer[shm::kMaxInlineBytes];
  if (consumer.read(dead.sequence, message, buffer) != shm::Take::message) {
    return consumer.bury(dead);  // overwritten: there is nothing to move
  }
  const Headers told{{"dead.topic", group.ring().topic()},
                     {"dead.group", unescape_topic(group.name())},
                     {"dead.sequence", static_cast<std::int64_t>(dead.sequence)},
                     {"dead.attempts", static_cast<std::int64_t>(dead.word.means.attempts)},
                     {"dead.reason", reason_of(dead)}};
  const shm::EncodedFields fields = with_headers(message.fields_view(), told);
  const shm::Append prepared =
      publisher_->writer_->prepare(message.data, message.payload_bytes, fields.view());
  consumer.reader().release(message.hold);
  if (prepared == shm::Append::removed) publisher_.reset();  // made anew at the next look
  if (prepared != shm::Append::done) return drop(consumer, dead);
  return settle(state, dead) || drop(consumer, dead);
}

bool DeadLetters::settle(ConsumerState& state, const shm::Consumer::Dead& dead) {
  shm::Consumer& consumer = *state.consumer;
  shm::Writer* const writer = publisher_->writer_.get();
  if (!state.claim_record()) {
    writer->discard_prepared();
    return false;
  }
  shm::GroupInputs words(consumer.group()->tables());
  const shm::RecordInput input{dead.sequence, dead.word.bits};
  const shm::Settled settled =
      state.record->settle(words, std::span(&input, 1), std::span(&writer, 1),
                           consumer.lessee().pack(), shm::Deadline::now());
  if (settled == shm::Settled::done) consumer.buried();
  // Another consumer was faster: as good.
  return settled == shm::Settled::done || settled == shm::Settled::lease_lost;
}

bool DeadLetters::drop(shm::Consumer& consumer, shm::Consumer::Dead& dead) {
  const bool may = (consumer.group()->options().flags & shm::kGroupDropWhenDeadLettersFull) != 0;
  return may && consumer.bury(dead);
}

}  // namespace tow
