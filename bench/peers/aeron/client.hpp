#pragma once
/// Aeron's media driver as a child process, and the C client as far as the benchmark needs it.

#include <aeronc.h>

#include <memory>
#include <string>

#include "bench/harness/stage.hpp"

namespace towbench {

/// The directory that the driver of this benchmark, and so all its clients, use.
const std::string& aeron_directory();

/// A media driver; it ends with this object. Made before the processes that use it are forked.
class AeronDriver {
 public:
  AeronDriver();
  ~AeronDriver();
  AeronDriver(const AeronDriver&) = delete;
  int process() const { return process_; }

 private:
  int process_;
};

/// Throws when an Aeron call has failed.
[[noreturn]] inline void fail_aeron() { throw Failure(std::string("Aeron: ") + aeron_errmsg()); }

class AeronClient {
 public:
  AeronClient();
  ~AeronClient();
  AeronClient(const AeronClient&) = delete;
  aeron_t* get() const { return client_; }

 private:
  aeron_context_t* context_ = nullptr;
  aeron_t* client_ = nullptr;
};

/// Calls `done` now and then until it is true, for 10 s at most.
void await_aeron(const char* what, bool (*done)(void*), void* argument);
template <class Done>
void await_aeron(const char* what, Done&& done) {
  await_aeron(
      what, [](void* argument) { return (*static_cast<Done*>(argument))(); }, &done);
}

/// The one publication of a stream: the faster kind.
struct ExclusiveKind {
  using Object = aeron_exclusive_publication_t;
  static constexpr auto kAdd = aeron_async_add_exclusive_publication;
  static constexpr auto kPollAdded = aeron_async_add_exclusive_publication_poll;
  static constexpr auto kTryClaim = aeron_exclusive_publication_try_claim;
  static constexpr auto kOffer = aeron_exclusive_publication_offer;
  static constexpr auto kIsConnected = aeron_exclusive_publication_is_connected;
  static constexpr auto kClose = aeron_exclusive_publication_close;
};
/// Several processes publish into one log, in one order.
struct SharedKind {
  using Object = aeron_publication_t;
  static constexpr auto kAdd = aeron_async_add_publication;
  static constexpr auto kPollAdded = aeron_async_add_publication_poll;
  static constexpr auto kTryClaim = aeron_publication_try_claim;
  static constexpr auto kOffer = aeron_publication_offer;
  static constexpr auto kIsConnected = aeron_publication_is_connected;
  static constexpr auto kClose = aeron_publication_close;
};

/// Each stage has a stream of its own: the driver keeps the log of one that has ended for a while,
/// and the next subscriber would be given it.
inline std::int32_t aeron_stream(const Stage& stage) {
  constexpr std::size_t kPositive = 0x7FFF'FFFF;
  return static_cast<std::int32_t>(std::hash<std::string>()(stage.bus_path()) & kPositive);
}

template <class Kind>
class AeronPublication {
 public:
  AeronPublication(Stage& stage, const char* channel) : stage_(stage) {
    aeron_client_registering_resource_stct* adding = nullptr;
    if (Kind::kAdd(&adding, client_.get(), channel, aeron_stream(stage)) != 0) fail_aeron();
    await_aeron("a publication", [&] {
      const int added = Kind::kPollAdded(&publication_, adding);
      if (added < 0) fail_aeron();
      return added == 1;
    });
  }
  ~AeronPublication() { Kind::kClose(publication_, nullptr, nullptr); }
  AeronPublication(const AeronPublication&) = delete;

  void await_subscriber() {
    await_aeron("a subscriber", [&] { return Kind::kIsConnected(publication_); });
  }
  /// Sends a message that `write` puts in its place in the log.
  template <class Write>
  void claim(std::size_t bytes, Write&& write) {
    aeron_buffer_claim_t claim;
    insist([&] { return Kind::kTryClaim(publication_, bytes, &claim); });
    write(reinterpret_cast<std::byte*>(claim.data));
    aeron_buffer_claim_commit(&claim);
  }
  /// Sends a copy, in fragments when it is long.
  void offer(const std::byte* message, std::size_t bytes) {
    const auto* const data = reinterpret_cast<const std::uint8_t*>(message);
    insist([&] { return Kind::kOffer(publication_, data, bytes, nullptr, nullptr); });
  }

 private:
  /// Tries again while the receivers have left no room, or the log turns to its next term.
  template <class Try>
  void insist(Try&& attempt) {
    std::int64_t position = attempt();
    if (position >= 0) [[likely]]
      return;
    Stage::Patience patience(stage_);
    for (; position < 0; position = attempt()) {
      if (position == AERON_PUBLICATION_ERROR) fail_aeron();
      if (position != AERON_PUBLICATION_BACK_PRESSURED &&
          position != AERON_PUBLICATION_ADMIN_ACTION) {
        throw Failure("Aeron: the publication has lost its subscriber");
      }
      patience.spin();
    }
  }

  Stage& stage_;
  AeronClient client_;
  Kind::Object* publication_ = nullptr;
};

/// A subscription to one publication, or to one that several share.
class AeronSubscription {
 public:
  AeronSubscription(const Stage& stage, const char* channel);
  ~AeronSubscription();
  AeronSubscription(const AeronSubscription&) = delete;

  /// Gives up to `limit` fragments to `handler`; how many there were.
  int poll(aeron_fragment_handler_t handler, void* argument, std::size_t limit) {
    const int count = aeron_image_poll(image_, handler, argument, limit);
    if (count < 0) [[unlikely]]
      fail_aeron();
    return count;
  }
  /// Calls handle(message), handle(const std::byte*).
  template <class Handle>
  int poll(Handle& handle, std::size_t limit) {
    const auto call = [](void* argument, const std::uint8_t* data, std::size_t, aeron_header_t*) {
      (*static_cast<Handle*>(argument))(reinterpret_cast<const std::byte*>(data));
    };
    return poll(call, &handle, limit);
  }

 private:
  AeronClient client_;
  aeron_subscription_t* subscription_ = nullptr;
  aeron_image_t* image_ = nullptr;
};

}  // namespace towbench
