#include "towpath/client.hpp"

#include "client_state.hpp"
#include "geometry.hpp"

namespace tow {

Result<ClientBase> Bus::make_client(std::string_view service, const ClientOptions& options,
                                    const TypeInfo& type) const {
  auto ring = open_service(service, options.service, type);
  if (!ring) return ring.error();
  remove_replies_of_the_dead();
  auto state = ClientState::make(*this, std::string(service),
                                 Topic<Bytes>(std::move(*ring), state_), options);
  if (!state) return state.error();
  return ClientBase(std::move(*state));
}

Result<Client<>> Bus::client(std::string_view service, const ClientOptions& options,
                             const TypeInfo& type) const {
  if (auto fault = fault_in(type, service)) return *fault;
  auto base = make_client(service, options, type);
  if (!base) return base.error();
  return Client<>(std::move(*base));
}

ClientBase::ClientBase(std::unique_ptr<ClientState> state) : state_(std::move(state)) {}
ClientBase::ClientBase(ClientBase&&) noexcept = default;
ClientBase& ClientBase::operator=(ClientBase&&) noexcept = default;
ClientBase::~ClientBase() = default;

const std::string& ClientBase::service() const { return state_->service(); }
const std::string& ClientBase::reply_topic() const { return state_->reply_topic(); }
std::size_t ClientBase::in_flight() const { return state_->in_flight(); }
std::uint64_t ClientBase::late() const { return state_->late(); }

Result<PendingBase> ClientBase::send_bytes(std::span<const std::byte> payload,
                                           std::chrono::nanoseconds timeout,
                                           const Attributes* attributes) {
  auto call = state_->begin(payload, timeout, attributes);
  if (!call) return call.error();
  return PendingBase(state_.get(), *call);
}

Result<void> ClientBase::call_into(Message<Bytes>& reply, std::span<const std::byte> payload,
                                   std::chrono::nanoseconds timeout, const Attributes* attributes,
                                   std::size_t typed_bytes) {
  auto pending = send_bytes(payload, timeout, attributes);
  if (!pending) return pending.error();
  return pending->get_into(reply, typed_bytes);
}

PendingBase& PendingBase::operator=(PendingBase&& other) noexcept {
  if (this != &other) {
    cancel();
    client_ = std::exchange(other.client_, nullptr);
    call_ = other.call_;
  }
  return *this;
}

bool PendingBase::ready() { return client_ == nullptr || client_->ready(call_); }

bool PendingBase::wait(std::chrono::nanoseconds timeout) {
  return client_ == nullptr || client_->wait(call_, shm::Deadline::after(timeout));
}

void PendingBase::cancel() {
  if (client_ != nullptr) std::exchange(client_, nullptr)->end(call_);
}

void PendingBase::end_within(std::chrono::nanoseconds timeout) {
  if (client_ != nullptr) client_->end_within(call_, timeout);
}

SubscriberBase& PendingBase::replies() { return client_->replies(); }

Result<bool> PendingBase::next_into(Message<Bytes>& reply, std::size_t typed_bytes) {
  if (client_ == nullptr) {
    return make_error(Code::cancelled, "this call was cancelled, or never was one");
  }
  return client_->take(call_, reply, typed_bytes);
}

Result<void> PendingBase::get_into(Message<Bytes>& reply, std::size_t typed_bytes) {
  const auto came = next_into(reply, typed_bytes);
  if (!came) return came.error();
  if (*came) [[likely]]
    return {};
  return make_error(Code::no_reply, "service " + client_->service() +
                                        ": the stream of replies has ended; there is no other");
}

}  // namespace tow
