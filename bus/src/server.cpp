#include "towpath/server.hpp"

#include <errno.h>

#include "geometry.hpp"
#include "server_state.hpp"

namespace tow {

Result<ServerBase> Bus::make_server(std::string_view service, const ServerOptions& options,
                                    const TypeInfo& type) const {
  auto ring = open_service(service, options.service, type);
  if (!ring) return ring.error();
  auto state = ServerState::make(*this, std::string(service),
                                 Topic<Bytes>(std::move(*ring), state_), options);
  if (!state) return state.error();
  return ServerBase(std::move(*state));
}

Result<Server<>> Bus::server(std::string_view service, const ServerOptions& options,
                             const TypeInfo& type) const {
  if (auto fault = fault_in(type, service)) return *fault;
  auto base = make_server(service, options, type);
  if (!base) return base.error();
  return Server<>(std::move(*base));
}

ServerBase::ServerBase(std::unique_ptr<ServerState> state) : state_(std::move(state)) {}
ServerBase::ServerBase(ServerBase&&) noexcept = default;
ServerBase& ServerBase::operator=(ServerBase&&) noexcept = default;
ServerBase::~ServerBase() = default;

const std::string& ServerBase::service() const { return state_->service(); }
std::uint64_t ServerBase::answered() const { return state_->answered(); }
std::uint64_t ServerBase::dropped() const { return state_->dropped(); }
bool ServerBase::ready() const { return state_->requests().ready(); }
Waitable& ServerBase::requests() { return state_->requests(); }
void ServerBase::wait_for_client(std::chrono::nanoseconds longest, bool give_up) {
  state_->wait_for_client(longest, give_up);
}

void ServerBase::stop() {
  const int interrupted_errno = errno;
  state_->stopped().store(true, std::memory_order_release);  // before the bell
  state_->interrupt();
  errno = interrupted_errno;
}
// relaxed: nothing else follows from it
bool ServerBase::stopped() const { return state_->stopped().load(std::memory_order_relaxed); }

void ServerBase::take_until_stopped(RequestBase& request, std::size_t typed_bytes) {
  take_into(request, kForever, typed_bytes, &state_->stopped());
}

void ServerBase::take_into(RequestBase& request, std::chrono::nanoseconds timeout,
                           std::size_t typed_bytes, const std::atomic<bool>* interrupt) {
  state_->requests().take_into(request, timeout, interrupt);
  request.server_ = state_.get();
  if (!request || typed_bytes == 0 || request.bytes().size() == typed_bytes) [[likely]]
    return;
  const Error error =
      make_error(Code::corrupt, "service " + service() + ": a request of " +
                                    std::to_string(request.bytes().size()) +
                                    " bytes is not of the service's type, which has " +
                                    std::to_string(typed_bytes) + "; it was failed");
  (void)request.fail("the request is not of the service's type");  // its client may be gone
  static_cast<Delivery<Bytes>&>(request) = Delivery<Bytes>(error);
}

RequestBase& RequestBase::operator=(RequestBase&& other) noexcept {
  if (this != &other) {
    if (!answered()) (void)fail("the server dropped the request");
    server_ = other.server_;
    Delivery<Bytes>::operator=(std::move(other));
  }
  return *this;
}

RequestBase::~RequestBase() {
  if (!answered()) (void)fail("the server ended the request without an answer");
}

bool RequestBase::cancelled() const {
  if (settled()) return false;
  const shm::Group& group = server_->group();
  // [G2] acquire, pairs with [G1]: whoever withdrew it changed its word.
  return group.word(lease_.sequence).load(shm::kAcquire) != lease_.bits;
}

Result<void> RequestBase::finish() { return answer({}, kReplyEnd, nullptr); }

Result<void> RequestBase::fail(std::string_view text, std::int32_t code) {
  constexpr std::size_t kLongest = 4096;  // an error is to be read by people
  text = text.substr(0, kLongest);
  Attributes attributes;
  if (code != 0) attributes.headers.add("code", std::int64_t{code});
  return answer(std::as_bytes(std::span(text)), kReplyError, &attributes);
}

Result<void> RequestBase::reply_bytes(std::span<const std::byte> payload,
                                      const Attributes* attributes) {
  return answer(payload, {}, attributes);
}

Result<void> RequestBase::part_bytes(std::span<const std::byte> payload,
                                     const Attributes* attributes) {
  return answer(payload, kReplyPart, attributes);
}

Result<void> RequestBase::answer(std::span<const std::byte> payload, std::string_view mark,
                                 const Attributes* attributes) {
  if (answered()) {
    return make_error(Code::cancelled, "this request was answered before, or never was one");
  }
  const auto no_more = [this] {
    return make_error(Code::cancelled, "the caller of " + server_->service() +
                                           " wants no more of request " +
                                           std::to_string(lease_.sequence));
  };
  if (cancelled()) {
    (void)ack();  // it is nobody's any more
    return no_more();
  }
  Result<void> sent;
  if (const std::string_view to = reply_topic(); !to.empty()) {
    sent = server_->send(to, correlation_id(), mark, payload, attributes);
  }
  const bool stays = sent ? mark == kReplyPart
                          : sent.error() == Code::too_large ||
                                sent.error() == Code::invalid_argument ||
                                (sent.error() == Code::timed_out && !server_->gives_up());
  if (stays) return sent;
  // Dies before: the caller has its answer, and repair gives the request up, or another server does
  // it again and its reply is dropped as late.
  server_->count_answer();
  if (!ack() && sent) return no_more();
  return sent;
}

}  // namespace tow
