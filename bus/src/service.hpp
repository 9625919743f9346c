#pragma once
/// Services as topics: opening them, and the topics in which replies come.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "towpath/service.hpp"
#include "towpath/shm/group.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/topic.hpp"

namespace tow {

/// Opens the group of a service's topic, or makes it. Errors: options_mismatch, too_many,
/// no_permission, no_space, removed.
Result<Group<Bytes>> open_servers(const Topic<Bytes>& topic, const ServiceOptions& options);

/// The topic in which client `number` of the process `client` gets its replies. The token in its
/// name is what proves that nobody wants it any more.
std::string reply_topic_of(std::string_view service, shm::Token client, std::uint64_t number);
/// Whose topic of replies that is; nothing for any other topic.
std::optional<shm::Token> client_of(std::string_view topic);

/// The handles' protected parts, for who builds on them in this folder.
struct GroupParts : GroupBase {
  explicit GroupParts(const GroupBase& of) : GroupBase(of) {}
  const std::shared_ptr<shm::Group>& shared() const { return group_; }
};
struct SubscriberParts : Subscriber<Bytes> {
  explicit SubscriberParts(Subscriber<Bytes>&& of) : Subscriber<Bytes>(std::move(of)) {}
  shm::Reader& reader() const { return *reader_; }
};
struct PublisherParts : Publisher<Bytes> {
  explicit PublisherParts(Publisher<Bytes>&& of) : Publisher<Bytes>(std::move(of)) {}
  using PublisherBase::publish_bytes;
  const shm::Ring& ring() const { return writer_->ring(); }
  /// Publishes what fits a slot and finds room at once. False, and nothing is done, otherwise: then
  /// publish_bytes() does it, or says why not.
  bool publish_at_once(std::span<const std::byte> payload, shm::FieldsView fields) {
    if (payload.size() < min_message_bytes_ || payload.size() > max_message_bytes_ ||
        payload.size() + fields.bytes > writer_->inline_bytes()) {
      return false;
    }
    const auto size = static_cast<std::uint32_t>(payload.size());
    if (writer_->append(payload.data(), size, fields) != shm::Append::done) return false;
    writer_->notify();
    return true;
  }
  void wait_at_most(std::chrono::nanoseconds time) { options_.wait_at_most = time; }
};

}  // namespace tow
