#pragma once
/// The answering side of a service.

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "towpath/attributes.hpp"
#include "towpath/consumer.hpp"
#include "towpath/options.hpp"
#include "towpath/service.hpp"

namespace tow {

class ServerState;

struct ServerOptions {
  ServiceOptions service{};
  /// Requests that this server may have unanswered, 1 to 256. 1 shares the work most fairly.
  std::uint32_t concurrent = 1;
  /// How long a reply waits for a living client that takes none, before it is given up.
  std::chrono::nanoseconds wait_for_client = std::chrono::seconds(1);
  /// Clients whose reply topics it keeps open; those it answered longest ago are opened again.
  std::uint32_t known_clients = 64;
  /// How long take() looks before it sleeps.
  std::chrono::nanoseconds spin = std::chrono::microseconds(50);
};

/// What requests of all types share. It must end before its server, on the server's thread. A
/// request that ends unanswered is failed, so that nobody waits for ever.
///
/// Errors of all answers: cancelled (the caller wants no more, or its time is over), not_found and
/// removed (the client is gone), timed_out (it takes no replies); with these the request is settled
/// and the reply counted as dropped. And too_large, invalid_argument: the request stays unanswered.
class RequestBase : protected Delivery<Bytes> {
 public:
  RequestBase() = default;
  RequestBase(RequestBase&& other) noexcept = default;
  RequestBase& operator=(RequestBase&& other) noexcept;
  ~RequestBase();

  using Delivery<Bytes>::operator bool;
  using Delivery<Bytes>::attempts;
  using Delivery<Bytes>::bytes;
  using Delivery<Bytes>::content_type;
  using Delivery<Bytes>::correlation_id;
  using Delivery<Bytes>::error;
  using Delivery<Bytes>::expires_at;
  using Delivery<Bytes>::failed;
  using Delivery<Bytes>::headers;
  using Delivery<Bytes>::key;
  using Delivery<Bytes>::priority;
  using Delivery<Bytes>::redelivered;
  using Delivery<Bytes>::reply_topic;
  using Delivery<Bytes>::sequence;
  using Delivery<Bytes>::text;
  using Delivery<Bytes>::timed_out;

  /// The request as the message that it is.
  const Message<Bytes>& message() const { return *this; }
  /// True once it was answered for good, or never was a request.
  bool answered() const { return settled(); }
  /// True when the caller wants no more. Costs a load.
  bool cancelled() const;
  /// Ends a stream of replies.
  Result<void> finish();
  /// The caller gets the error request_failed with this text, and `code` as its `os_errno`.
  Result<void> fail(std::string_view text, std::int32_t code = 0);

 protected:
  friend class ServerBase;
  Result<void> reply_bytes(std::span<const std::byte> payload, const Attributes* attributes);
  Result<void> part_bytes(std::span<const std::byte> payload, const Attributes* attributes);
  Result<void> answer(std::span<const std::byte> payload, std::string_view mark,
                      const Attributes* attributes);

  ServerState* server_ = nullptr;
};

/// A request of Q, to be answered with P: once, or with a stream of replies that ends with
/// finish(), or with a last reply(). True only with a request; else timed_out() or failed().
template <class Q = Bytes, class P = Bytes>
class Request : public RequestBase {
 public:
  using Payload = std::conditional_t<std::is_same_v<P, Bytes>, std::span<const std::byte>, P>;

  Request() = default;
  const Q& operator*() const requires(!std::is_same_v<Q, Bytes>) {
    return *reinterpret_cast<const Q*>(bytes().data());
  }
  const Q* operator->() const requires(!std::is_same_v<Q, Bytes>) { return &**this; }

  /// The reply, or the last of a stream; then the request is done. Attributes travel with it; the
  /// correlation id is the request's.
  Result<void> reply(const Payload& payload) { return reply_bytes(as_bytes(payload), nullptr); }
  Result<void> reply(const Payload& payload, const Attributes& attributes) {
    return reply_bytes(as_bytes(payload), &attributes);
  }
  Result<void> reply(std::string_view text) requires std::is_same_v<P, Bytes> {
    return reply_bytes(std::as_bytes(std::span(text)), nullptr);
  }
  /// One of a stream of replies. Waits while the client has `reply_depth` of them unread.
  Result<void> reply_part(const Payload& payload) { return part_bytes(as_bytes(payload), nullptr); }
  Result<void> reply_part(std::string_view text) requires std::is_same_v<P, Bytes> {
    return part_bytes(std::as_bytes(std::span(text)), nullptr);
  }

 private:
  static std::span<const std::byte> as_bytes(const Payload& payload) {
    if constexpr (std::is_same_v<P, Bytes>) {
      return payload;
    } else {
      return std::as_bytes(std::span(&payload, 1));
    }
  }
};

/// What servers of all types share. One thread at a time, but for stop(). Only take() and run()
/// wait, and replies to a client that is behind. It must outlive its requests.
///
/// When its process dies, the kernel says so: callers whose requests it had begun get an error, or
/// another server does them again (ServiceOptions::max_attempts); others do what it had not begun.
class ServerBase {
 public:
  ServerBase(ServerBase&&) noexcept;
  ServerBase& operator=(ServerBase&&) noexcept;
  ~ServerBase();

  const std::string& service() const;
  /// Requests answered; replies given up because their client was gone or took none.
  std::uint64_t answered() const;
  std::uint64_t dropped() const;
  /// True when take() would not wait.
  bool ready() const;
  /// What it waits for, for wait_any() and its descriptor; `concurrent` is its prefetch.
  Waitable& requests();
  /// From the next answer on: it waits no longer than that for a client that takes none. Then the
  /// request is given up, as the option says, or with `give_up` false stays unanswered, so that the
  /// same answer can be tried again. For who waits in pieces, to look after something else between.
  void wait_for_client(std::chrono::nanoseconds longest, bool give_up);
  /// Ends run(), at once or when the request at hand is done. From any thread, and from a signal
  /// handler.
  void stop();

 protected:
  friend class Bus;
  explicit ServerBase(std::unique_ptr<ServerState> state);
  /// Takes into a request that holds nothing.
  void take_into(RequestBase& request, std::chrono::nanoseconds timeout, std::size_t typed_bytes,
                 const std::atomic<bool>* interrupt = nullptr);
  /// The same for run(): waits until stop().
  void take_until_stopped(RequestBase& request, std::size_t typed_bytes);
  bool stopped() const;

  std::unique_ptr<ServerState> state_;
};

/// Serves requests of Q with replies of P; both values of a type, or bytes.
template <class Q = Bytes, class P = Bytes>
class Server : public ServerBase {
 public:
  /// The next request, waiting up to `timeout` for it. Errors: too_many (as many are unanswered as
  /// `concurrent` allows), removed, stale.
  Request<Q, P> take(std::chrono::nanoseconds timeout = kForever) {
    Request<Q, P> request;
    take_into(request, timeout, typed_bytes<Q>());
    return request;
  }

  /// Calls `handler(request)` for each request until stop(). What the handler returns, if anything,
  /// is the reply. One that throws fails the request with the exception's text; one that leaves it
  /// unanswered fails it, too. Errors: as take().
  template <class Handler>
  Result<void> run(Handler&& handler) {
    while (!stopped()) {
      Request<Q, P> request;
      take_until_stopped(request, typed_bytes<Q>());
      if (request.failed() && !(request.error() == Code::corrupt)) return request.error();
      if (request) handle(handler, request);
    }
    return {};
  }

 private:
  friend class Bus;
  explicit Server(ServerBase&& base) : ServerBase(std::move(base)) {}

  template <class Handler>
  static void handle(Handler& handler, Request<Q, P>& request) {
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Handler&, Request<Q, P>&>>) {
        handler(request);
      } else {
        (void)request.reply(handler(request));  // a client that is gone is counted
      }
    } catch (const std::exception& failure) {
      (void)request.fail(failure.what());  // likewise
    }
  }
};

}  // namespace tow
