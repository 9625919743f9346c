#include "server_state.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "attributes.hpp"
#include "bus_state.hpp"

namespace tow {
namespace {

/// True when the reply can never reach its client, so that the request is settled without.
bool is_lost(Error error) {
  return error == Code::removed || error == Code::not_found || error == Code::timed_out ||
         error == Code::type_mismatch || error == Code::no_permission;
}

/// What EncodedFields makes of a reply without attributes, in a few stores.
class ReplyFields {
 public:
  ReplyFields(std::string_view correlation_id, std::string_view mark) {
    std::byte* to = bytes_.data();
    if (!mark.empty()) {
      const std::uint64_t tag = shm::text_hash(mark);
      std::memcpy(to, &tag, sizeof tag);
      to += sizeof tag;
      bits_ |= shm::kFieldTag;
    }
    const std::size_t length = std::min(correlation_id.size(), shm::kMaxKeyBytes);
    if (length != 0) {
      *to++ = static_cast<std::byte>(length);
      constexpr std::size_t kOfClients = sizeof(std::uint64_t);  // a copy without a call
      if (length == kOfClients) {
        std::memcpy(to, correlation_id.data(), kOfClients);
      } else {
        std::memcpy(to, correlation_id.data(), length);
      }
      to += length;
      bits_ |= shm::kFieldCorrelationId;
    }
    size_ = static_cast<std::uint32_t>(to - bytes_.data());
  }
  shm::FieldsView view() const { return {bytes_.data(), size_, bits_, 0}; }

 private:
  std::array<std::byte, sizeof(std::uint64_t) + 1 + shm::kMaxKeyBytes> bytes_;  // size_ are written
  std::uint32_t size_ = 0;
  std::uint16_t bits_ = 0;
};

}  // namespace

Result<std::unique_ptr<ServerState>> ServerState::make(const Bus& bus, std::string service,
                                                       const Topic<Bytes>& topic,
                                                       const ServerOptions& options) {
  auto group = open_servers(topic, options.service);
  if (!group) return group.error();
  auto requests = group->consumer({.prefetch = options.concurrent, .spin = options.spin});
  if (!requests) return requests.error();
  return std::unique_ptr<ServerState>(
      new ServerState(bus, std::move(service), *group, std::move(*requests), options));
}

Result<void> ServerState::send(std::string_view to, std::string_view correlation_id,
                               std::string_view mark, std::span<const std::byte> payload,
                               const Attributes* attributes) {
  auto receiver = client(to);
  Result<void> sent;
  if (!receiver) {
    sent = receiver.error();
  } else if (const shm::Ring& ring = (*receiver)->replies.ring(); ring.removed()) {
    sent = ring.end_reason();  // publishers look for that themselves, but not each time
  } else if (attributes == nullptr) {
    const ReplyFields fields(correlation_id, mark);
    PublisherParts& replies = (*receiver)->replies;
    if (replies.publish_at_once(payload, fields.view())) [[likely]]
      return {};
    replies.wait_at_most(longest_wait_);
    sent = replies.publish_bytes(payload.data(), payload.size(), fields.view());
  } else {
    Attributes own = *attributes;
    own.correlation_id = correlation_id;
    own.tag = mark;
    (*receiver)->replies.wait_at_most(longest_wait_);
    sent = (*receiver)->replies.publish(payload, own);
  }
  if (!sent && is_lost(sent.error())) {
    const Error error = sent.error();
    if (error == Code::timed_out && !gives_up_) return error;
    ++dropped_;
    if (!(error == Code::timed_out)) forget(to);
    return error;
  }
  return sent;
}

Result<ServerState::Client*> ServerState::client(std::string_view topic) {
  ++sent_;
  if (last_ == nullptr || last_->topic != topic) {
    const auto known = std::find_if(clients_.begin(), clients_.end(),
                                    [&](const auto& one) { return one->topic == topic; });
    if (known == clients_.end()) {
      auto opened = open_client(topic);
      if (!opened) return opened.error();
      last_ = *opened;
    } else {
      last_ = known->get();
    }
  }
  last_->used = sent_;
  return last_;
}

Result<ServerState::Client*> ServerState::open_client(std::string_view topic) {
  forget_the_dead();
  auto replies = bus_.topic(topic, {.create = false});
  if (!replies) return replies.error();
  auto publisher = replies->publisher();
  if (!publisher) return publisher.error();
  if (clients_.size() >= std::max<std::size_t>(known_clients_, 1)) {
    const auto oldest =
        std::min_element(clients_.begin(), clients_.end(),
                         [](const auto& a, const auto& b) { return a->used < b->used; });
    clients_.erase(oldest);
  }
  clients_.push_back(std::make_unique<Client>(
      Client{std::string(topic), PublisherParts(std::move(*publisher)), sent_}));
  return clients_.back().get();
}

void ServerState::forget(std::string_view topic) {
  last_ = nullptr;
  std::erase_if(clients_, [&](const auto& one) { return one->topic == topic; });
}

/// Without a supervisor nobody else may come for long, and their files take memory.
void ServerState::forget_the_dead() {
  last_ = nullptr;
  shm::Participants& participants = group_->ring().participants();
  std::erase_if(clients_, [&](const auto& one) {
    const auto client = client_of(one->topic);
    return client && participants.liveness(*client) == shm::Liveness::dead;
  });
  bus_.remove_replies_of_the_dead();
}

}  // namespace tow
