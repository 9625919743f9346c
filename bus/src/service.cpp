#include "service.hpp"

#include <charconv>
#include <cstdio>

#include "bus_state.hpp"
#include "names.hpp"
#include "towpath/bus.hpp"

namespace tow {
namespace {

constexpr std::string_view kReplies = ".reply.";

/// A small request fits a slot together with its correlation id and reply topic.
std::uint32_t slot_bytes_for(std::size_t request_bytes) {
  constexpr std::size_t kUsualFields = 48, kTwoLines = 112;
  return request_bytes + kUsualFields > kTwoLines && request_bytes + kUsualFields <= 240 ? 256
                                                                                         : 128;
}

}  // namespace

Result<std::shared_ptr<shm::Ring>> Bus::open_service(std::string_view name,
                                                     const ServiceOptions& options,
                                                     const TypeInfo& type) const {
  TopicOptions topic{.publishers = Publishers::many,
                     .depth = options.depth,
                     .max_message_bytes = options.max_request_bytes,
                     .pool_bytes = options.pool_bytes,
                     .create = false};
  auto ring = open_ring(name, topic, type);
  if (ring || !options.create || !(ring.error() == Code::not_found)) return ring;
  topic.create = true;
  topic.slot_bytes = slot_bytes_for(type.bytes);
  ring = open_ring(name, topic, type);
  if (ring || !(ring.error() == Code::options_mismatch)) return ring;
  topic.slot_bytes = 0;  // another made it meanwhile, with requests of another size in mind
  return open_ring(name, topic, type);
}

Result<Group<Bytes>> open_servers(const Topic<Bytes>& topic, const ServiceOptions& options) {
  constexpr std::uint32_t kOnce = 1;
  if (options.max_attempts == 0) {
    const auto names = topic.groups();
    for (const std::string& name : names) {
      if (name == kServers) return topic.group(kServers);
    }
  }
  GroupOptions group{.max_attempts = options.max_attempts == 0 ? kOnce : options.max_attempts,
                     .create = options.create};
  auto opened = topic.group(kServers, group);
  // Another made it meanwhile, as it wanted it.
  if (!opened && opened.error() == Code::options_mismatch && options.max_attempts == 0) {
    return topic.group(kServers);
  }
  return opened;
}

std::string reply_topic_of(std::string_view service, shm::Token client, std::uint64_t number) {
  char name[48];
  std::snprintf(name, sizeof name, "%llx.%llu", static_cast<unsigned long long>(client.bits()),
                static_cast<unsigned long long>(number));
  return std::string(service) + std::string(kReplies) + name;
}

std::optional<shm::Token> client_of(std::string_view topic) {
  const std::size_t at = topic.rfind(kReplies);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view name = topic.substr(at + kReplies.size());
  std::uint64_t token = 0, number = 0;
  const char* const end = name.data() + name.size();
  const char* const dot = std::from_chars(name.data(), end, token, 16).ptr;
  if (dot == end || *dot != '.') return std::nullopt;
  std::from_chars(dot + 1, end, number);
  // Only one name stands for a client, so that a topic of a like name is nobody's.
  const bool same =
      token != 0 && reply_topic_of(topic.substr(0, at), shm::Token(token), number) == topic;
  return same ? std::optional(shm::Token(token)) : std::nullopt;
}

std::uint32_t Bus::remove_replies_of_the_dead() const {
  std::uint32_t removed = 0;
  for (const std::string& file : state_->topics.names()) {
    const std::string topic = unescape_topic(file);
    const auto client = client_of(topic);
    if (!client || state_->participants->liveness(*client) != shm::Liveness::dead) continue;
    auto gone = remove_topic(topic);
    // Its maker died before it was whole, and nobody else ever makes one of this name.
    if (!gone && gone.error() == Code::not_found) gone = take_away(file, nullptr);
    removed += gone ? 1 : 0;
  }
  return removed;
}

}  // namespace tow
