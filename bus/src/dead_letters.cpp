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

Result<void> DeadLetters::open(const shm::Ring& from) {
  if (publisher_) return {};
  const Bus bus(bus_);
  // With many publishers, or it takes no part in settlements.
  TopicOptions options{.publishers = Publishers::many, .create = false};
  auto topic = bus.topic(topic_, options);
  if (!topic && topic.error() == Code::not_found) {
    options.create = true;
    options.max_message_bytes = from.geometry().raw().max_message_bytes;
    topic = bus.topic(topic_, options);
  }
  if (!topic) return topic.error();
  auto publisher = topic->publisher({.when_full = WhenFull::fail});
  if (!publisher) return publisher.error();
  publisher_.emplace(std::move(*publisher));
  return {};
}

std::string DeadLetters::reason_of(const shm::Consumer::Dead& dead) const {
  const auto noted = reasons_.find(dead.sequence);
  if (noted != reasons_.end()) return noted->second;
  return to_text(static_cast<DeadReason>(dead.word.means.who));
}

void DeadLetters::move_from(ConsumerState& state) {
  constexpr int kMost = 16;  // the rest at the next look: the living come first
  shm::Consumer& consumer = *state.consumer;
  for (int seen = 0; seen < kMost; ++seen) {
    auto dead = consumer.next_dead();
    if (!dead) return;
    const std::optional<Code> fault = move(state, *dead);
    if (!fault || drop(consumer, *dead)) {
      reasons_.erase(dead->sequence);
      continue;
    }
    consumer.leave_dead(*dead, *fault);
    if (*fault != Code::too_large && *fault != Code::not_found) return consumer.leave_round();
  }
}

std::optional<Code> DeadLetters::move(ConsumerState& state, shm::Consumer::Dead& dead) {
  shm::Consumer& consumer = *state.consumer;
  const shm::Group& group = *consumer.group();
  shm::Received message;
  alignas(16) std::byte buffer[shm::kMaxInlineBytes];
  const shm::Take read = consumer.read(dead.sequence, message, buffer);
  if (read == shm::Take::removed) return Code::removed;
  if (read == shm::Take::unreachable) return Code::not_found;
  if (read != shm::Take::message) {  // overwritten or damaged: there is nothing to move
    if (consumer.bury(dead))
      group.layout().lost.fetch_add(1, shm::kRelaxed);  // relaxed: statistics
    return std::nullopt;
  }
  const Headers told{{"dead.topic", group.ring().topic()},
                     {"dead.group", unescape_topic(group.name())},
                     {"dead.sequence", static_cast<std::int64_t>(dead.sequence)},
                     {"dead.attempts", static_cast<std::int64_t>(dead.word.means.attempts)},
                     {"dead.reason", reason_of(dead)}};
  const auto prepared = prepare(group.ring(), message, told);
  consumer.reader().release(message.hold);
  return prepared ? settle(state, dead) : prepared.error().code;
}

Result<void> DeadLetters::prepare(const shm::Ring& from, const shm::Received& message,
                                  const Headers& told) {
  const shm::EncodedFields fields = with_headers(message.fields_view(), told);
  const shm::FieldsView view = fields.view();
  constexpr int kMaxTopics = 2;  // one that was removed, and the one made in its place
  for (int topic = 0; topic < kMaxTopics; ++topic) {
    if (auto opened = open(from); !opened) return opened;
    shm::Append result = publisher_->writer_->check_alive();
    if (result == shm::Append::done) {
      if (auto fault = publisher_->fault_in_size(message.payload_bytes, view.bytes)) return *fault;
      result = publisher_->writer_->prepare(message.data, message.payload_bytes, view);
    }
    switch (result) {
      case shm::Append::done:
        return {};
      case shm::Append::removed:
        publisher_.reset();
        break;
      case shm::Append::stale:
        return Error{.code = Code::stale};
      default:
        return Error{.code = Code::full};
    }
  }
  return Error{.code = Code::removed};
}

std::optional<Code> DeadLetters::settle(ConsumerState& state, const shm::Consumer::Dead& dead) {
  shm::Consumer& consumer = *state.consumer;
  shm::Writer* const writer = publisher_->writer_.get();
  if (auto claimed = state.claim_record(); !claimed) {
    writer->discard_prepared();
    return claimed.error().code;
  }
  shm::GroupInputs words(consumer.group()->tables());
  const shm::RecordInput input{dead.sequence, dead.word.bits};
  switch (state.record->settle(words, std::span(&input, 1), std::span(&writer, 1),
                               consumer.lessee().pack(), shm::Deadline::now())) {
    case shm::Settled::done:
      consumer.buried();
      return std::nullopt;
    case shm::Settled::lease_lost:  // another consumer was faster: as good
      return std::nullopt;
    case shm::Settled::timed_out:
      return Code::full;
    default:
      return Code::stale;
  }
}

bool DeadLetters::drop(shm::Consumer& consumer, shm::Consumer::Dead& dead) {
  const shm::Group& group = *consumer.group();
  if ((group.options().flags & shm::kGroupDropWhenDeadLettersFull) == 0) return false;
  if (consumer.bury(dead))
    group.layout().dropped.fetch_add(1, shm::kRelaxed);  // relaxed: statistics
  return true;
}

std::string why_left(const std::string& topic, shm::LeftDead left) {
  const std::string message = "message " + std::to_string(left.sequence) + " cannot be ";
  const std::string what = message + "moved to the dead letters: topic " + topic;
  switch (left.why) {
    case Code::not_found:
      return message + "read, for want of memory or descriptors in its consumer";
    case Code::stale:
      return message + "moved by a consumer that is no member of the bus; another one can";
    case Code::too_large:
      return what +
             " takes no message of its size; make that topic anew with a larger max_message_bytes "
             "or pool_bytes";
    case Code::full:
      return what + " is full; let its subscribers and groups read on, or remove those that do not";
    case Code::options_mismatch:
      return what + " has one publisher; make it anew with publishers = many";
    case Code::type_mismatch:
      return what + " carries messages of a type; make it anew as a topic of bytes";
    case Code::too_many:
      return what + " has as many publishers as it may; make it anew with more max_publishers";
    case Code::no_permission:
      return what + " may not be published to, or made, by the group's consumers; ask its owner";
    case Code::no_space:
      return what + " finds no memory; make room in the folder of the bus";
    default:
      return what + " cannot be used (" + std::string(to_string(left.why)) +
             "); remove it, and it is made anew";
  }
}

}  // namespace tow
