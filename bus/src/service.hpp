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
  void wait_at_most(std::chrono::nanoseconds time) { options_.wait_at_most = time; }
};

}  // namespace tow
