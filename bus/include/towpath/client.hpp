#pragma once
/// The calling side of a service.

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "towpath/attributes.hpp"
#include "towpath/options.hpp"
#include "towpath/service.hpp"
#include "towpath/task.hpp"

namespace tow {

class ClientState;

struct ClientOptions {
  ServiceOptions service{};
  /// With nobody alive to serve it, a call ends with the error no_server at once; else it waits for
  /// a server until its timeout.
  bool fail_without_server = false;
  /// Replies that a server may be ahead of this client before it waits.
  std::uint64_t reply_depth = 128;
  /// Largest reply, in bytes, and the memory of each server for replies that do not fit a slot.
  std::uint64_t max_reply_bytes = 64 << 10;
  std::uint64_t reply_pool_bytes = 256 << 10;
  /// Replies of one call that wait in this process for their caller; more of them fail the call.
  std::uint32_t max_waiting_replies = 4096;
  /// How long a wait looks before it sleeps.
  std::chrono::nanoseconds spin = std::chrono::microseconds(50);
};

/// What calls of all types share. It must end before its client, on the client's thread. A call
/// that ends before its last reply is cancelled.
///
/// Errors of a call: timed_out, no_server, server_died (the kernel says so), no_reply (settled
/// without one), request_failed (the server's own words; `os_errno` is the number that it gave),
/// too_many (see max_waiting_replies), removed, stale.
class PendingBase {
 public:
  PendingBase() = default;
  PendingBase(PendingBase&& other) noexcept
      : client_(std::exchange(other.client_, nullptr)), call_(other.call_) {}
  PendingBase& operator=(PendingBase&& other) noexcept;
  ~PendingBase() { cancel(); }

  /// True when next() and get() need not wait.
  bool ready();
  /// The same, waiting up to `timeout` for it.
  bool wait(std::chrono::nanoseconds timeout = kForever);
  /// The caller wants no more. Not begun yet, it never will be; else the server's next reply says
  /// `cancelled`.
  void cancel();

  /// Its time is over so long from now, whatever was said when it was sent. For who sends in
  /// pieces, to look after something else while the service is full.
  void end_within(std::chrono::nanoseconds timeout);

  /// What it waits for.
  SubscriberBase& replies();

 protected:
  friend class ClientBase;
  PendingBase(ClientState* client, std::uint64_t call) : client_(client), call_(call) {}
  /// The next reply, into a message that holds nothing; false behind the last.
  Result<bool> next_into(Message<Bytes>& reply, std::size_t typed_bytes);
  Result<void> get_into(Message<Bytes>& reply, std::size_t typed_bytes);

  ClientState* client_ = nullptr;  ///< null: no call
  std::uint64_t call_ = 0;
};

/// A call under way. See PendingBase.
template <class T = Bytes>
class PendingCall : public PendingBase {
 public:
  PendingCall() = default;
  explicit PendingCall(PendingBase&& base) : PendingBase(std::move(base)) {}

  /// The next reply of a stream, waiting for it until the call's time is over; nothing behind the
  /// last.
  Result<std::optional<Reply<T>>> next() {
    std::optional<Reply<T>> reply(std::in_place);
    const Result<bool> came = next_into(*reply, typed_bytes<T>());
    if (!came) return came.error();
    if (!*came) reply.reset();
    return reply;
  }
  /// The reply; of a stream, the first part. Waits for it until the call's time is over.
  Result<Reply<T>> get() {
    Result<Reply<T>> reply{Reply<T>()};
    if (const auto got = get_into(*reply, typed_bytes<T>()); !got) reply = got.error();
    return reply;
  }

  /// `for (const auto& part : call)` takes all replies of a stream; afterwards failure() tells
  /// whether it broke off.
  class Iterator;
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }
  std::optional<Error> failure() const { return failure_; }

 private:
  std::optional<Error> failure_;
};

template <class T>
class PendingCall<T>::Iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using difference_type = std::ptrdiff_t;
  using value_type = Reply<T>;
  explicit Iterator(PendingCall* call) : call_(call) { ++*this; }
  const Reply<T>& operator*() const { return *reply_; }
  Iterator& operator++() {
    reply_.reset();
    auto next = call_->next();
    if (!next) {
      call_->failure_ = next.error();
    } else {
      reply_ = std::move(*next);
    }
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& it, std::default_sentinel_t) { return !it.reply_; }

 private:
  PendingCall* call_;
  std::optional<Reply<T>> reply_;
};

/// What Client::request() returns, for `co_await` in a tow::Task: the reply. Outside of a Loop it
/// waits instead of suspending.
template <class T>
class AwaitedReply final : private Awaited {
 public:
  explicit AwaitedReply(Result<PendingCall<T>> call) : call_(std::move(call)) {}
  bool await_ready() { return !call_ || call_->ready(); }
  bool await_suspend(std::coroutine_handle<> handle) {
    if (Loop::current() == nullptr) return false;
    Loop::current()->suspend_until_settled(*this, handle);
    return true;
  }
  Result<Reply<T>> await_resume() {
    if (!call_) return call_.error();
    return call_->get();
  }

 private:
  bool settled() override { return call_->ready(); }
  SubscriberBase& replies() override { return call_->replies(); }

  Result<PendingCall<T>> call_;
};

/// What clients of all types share. One thread at a time; any number of calls under way. Only
/// call(), the waits of a call, and sending to a full service wait. It must outlive its calls and
/// replies.
///
/// Each client has a topic for its replies, which goes when it ends. When its process dies, the
/// next who opens or heals the bus takes that topic away; servers drop what they had for it.
class ClientBase {
 public:
  ClientBase(ClientBase&&) noexcept;
  ClientBase& operator=(ClientBase&&) noexcept;
  ~ClientBase();

  const std::string& service() const;
  /// Where its replies come.
  const std::string& reply_topic() const;
  /// Calls under way.
  std::size_t in_flight() const;
  /// Replies that came after their call had ended, and were dropped.
  std::uint64_t late() const;

 protected:
  friend class Bus;
  explicit ClientBase(std::unique_ptr<ClientState> state);
  Result<PendingBase> send_bytes(std::span<const std::byte> payload,
                                 std::chrono::nanoseconds timeout, const Attributes* attributes);
  Result<void> call_into(Message<Bytes>& reply, std::span<const std::byte> payload,
                         std::chrono::nanoseconds timeout, const Attributes* attributes,
                         std::size_t typed_bytes);

  std::unique_ptr<ClientState> state_;
};

/// A request as bytes.
template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}
inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}
inline std::span<const std::byte> bytes_of(std::span<const std::byte> bytes) { return bytes; }

/// Calls a service with requests of Q, which it answers with replies of P; both values of a type,
/// or bytes. See ClientBase for threads, waiting and death, PendingBase for the errors.
///
/// `timeout` is the time of the whole call, that until the service has room included. Attributes
/// travel with the request; correlation id and reply topic are the client's own.
template <class Q = Bytes, class P = Bytes>
class Client : public ClientBase {
 public:
  using Payload = std::conditional_t<std::is_same_v<Q, Bytes>, std::span<const std::byte>, Q>;

  /// Sends a request and waits for its reply.
  Result<Reply<P>> call(const Payload& payload, std::chrono::nanoseconds timeout = kForever) {
    return call_with(payload, timeout, nullptr);
  }
  Result<Reply<P>> call(const Payload& payload, std::chrono::nanoseconds timeout,
                        const Attributes& attributes) {
    return call_with(payload, timeout, &attributes);
  }
  Result<Reply<P>> call(std::string_view text, std::chrono::nanoseconds timeout =
                                                   kForever) requires std::is_same_v<Q, Bytes> {
    return call(bytes_of(text), timeout);
  }

  /// Sends a request; its replies are taken later.
  Result<PendingCall<P>> send(const Payload& payload, std::chrono::nanoseconds timeout = kForever) {
    return pending(send_bytes(bytes_of(payload), timeout, nullptr));
  }
  Result<PendingCall<P>> send(const Payload& payload, std::chrono::nanoseconds timeout,
                              const Attributes& attributes) {
    return pending(send_bytes(bytes_of(payload), timeout, &attributes));
  }
  Result<PendingCall<P>> send(
      std::string_view text,
      std::chrono::nanoseconds timeout = kForever) requires std::is_same_v<Q, Bytes> {
    return send(bytes_of(text), timeout);
  }

  /// `auto reply = co_await client.request(payload);` in a tow::Task.
  AwaitedReply<P> request(const Payload& payload, std::chrono::nanoseconds timeout = kForever) {
    return AwaitedReply<P>(send(payload, timeout));
  }
  AwaitedReply<P> request(std::string_view text, std::chrono::nanoseconds timeout =
                                                     kForever) requires std::is_same_v<Q, Bytes> {
    return request(bytes_of(text), timeout);
  }

 private:
  friend class Bus;
  explicit Client(ClientBase&& base) : ClientBase(std::move(base)) {}
  Result<Reply<P>> call_with(const Payload& payload, std::chrono::nanoseconds timeout,
                             const Attributes* attributes) {
    Result<Reply<P>> reply{Reply<P>()};
    const auto done = call_into(*reply, bytes_of(payload), timeout, attributes, typed_bytes<P>());
    if (!done) reply = done.error();
    return reply;
  }
  static Result<PendingCall<P>> pending(Result<PendingBase> base) {
    if (!base) return base.error();
    return PendingCall<P>(std::move(*base));
  }
};

}  // namespace tow
