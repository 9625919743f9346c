#pragma once
/// What clients and servers of a service agree on.

#include <cstdint>

#include "towpath/message.hpp"
#include "towpath/shm/fields.hpp"

namespace tow {

/// The group of a service's topic in which its servers share the requests.
inline constexpr const char* kServers = "servers";

/// A service is a topic of that name with the group "servers". Whoever comes first, client or
/// server, makes both. 0 means: as it is, or the default when this call makes it.
struct ServiceOptions {
  /// How often a request is begun before it is given up, 1 to 30; default 1: what a dead server had
  /// begun is not done twice, and its caller gets an error. More, where doing it twice does no
  /// harm: another server tries again.
  std::uint32_t max_attempts = 0;
  /// Requests that may wait or be handled at a time; default 1024.
  std::uint64_t depth = 0;
  /// Largest request, in bytes; default 64 KiB, or the size of its type.
  std::uint64_t max_request_bytes = 0;
  /// Memory of each client for requests that do not fit a slot, in bytes; default as for topics.
  std::uint64_t pool_bytes = 0;
  /// Make the service when it does not exist.
  bool create = true;
};

/// Size that requests or replies of T must have; 0 = any.
template <class T>
constexpr std::size_t typed_bytes() {
  if constexpr (std::is_same_v<T, Bytes>) {
    return 0;
  } else {
    return sizeof(T);
  }
}

/// Replies carry the correlation id of their request. A whole reply has no tag; these mark others.
/// A stream of replies: parts, then an end, or a whole one as the last.
inline constexpr std::string_view kReplyPart = "towpath.part";
inline constexpr std::string_view kReplyEnd = "towpath.end";
/// The payload says what went wrong; the header "code", an integer, is the server's number for it.
inline constexpr std::string_view kReplyError = "towpath.error";

/// A reply in its client's memory. It must end before its client, on the client's thread.
template <class T = Bytes>
class Reply : public Message<Bytes> {
 public:
  Reply() = default;
  explicit Reply(Message<Bytes>&& message) : Message<Bytes>(std::move(message)) {}
  const T& operator*() const requires(!std::is_same_v<T, Bytes>) {
    return *reinterpret_cast<const T*>(bytes().data());
  }
  const T* operator->() const requires(!std::is_same_v<T, Bytes>) { return &**this; }
};

}  // namespace tow
