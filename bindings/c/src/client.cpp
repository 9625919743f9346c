#include "towpath/client.hpp"

#include "attributes.hpp"
#include "handles.hpp"
#include "options.hpp"
#include "service.hpp"

using namespace tow::c;

namespace {

constexpr tow_client_options kDefaults{.struct_bytes = sizeof(tow_client_options),
                                       .service = kServiceDefaults,
                                       .fail_without_server = false,
                                       .reply_depth = 128,
                                       .max_reply_bytes = 64 << 10,
                                       .reply_pool_bytes = 256 << 10,
                                       .max_waiting_replies = 4096,
                                       .spin_ns = 50'000};

/// Hands out a reply, or why there is none.
tow_code give(tow::Result<tow::Reply<>>&& reply, tow_client* from, tow_own_message& to) {
  to.payload = tow::Message<>();
  if (!reply) return fail(reply.error());
  to.hold(std::move(*reply), from);
  return TOW_OK;
}

template <class T, class Body>
T ask_client(const tow_client* client, T otherwise, const Body& body) {
  return ask(client, "the client", otherwise,
             [&](const tow_client& it) { return body(it.client); });
}

}  // namespace

void tow_client_options_init_sized(tow_client_options* options, size_t struct_bytes) {
  initialise(options, struct_bytes, kDefaults);
}

tow_code tow_client_open(const tow_bus* bus, const char* service, const tow_client_options* options,
                         tow_client** client) {
  if (const tow_code fault = need({{bus, "the bus"},
                                   {service, "the service's name"},
                                   {client, "the pointer to the client"}})) {
    return fault;
  }
  tow_client_options given = kDefaults;
  if (const tow_code fault = read(options, "tow_client_options", given)) return fault;
  tow::ClientOptions asked{.fail_without_server = given.fail_without_server,
                           .reply_depth = given.reply_depth,
                           .max_reply_bytes = given.max_reply_bytes,
                           .reply_pool_bytes = given.reply_pool_bytes,
                           .max_waiting_replies = given.max_waiting_replies,
                           .spin = ns(given.spin_ns)};
  if (const tow_code fault = read(given.service, "tow_client_options.service", asked.service)) {
    return fault;
  }
  return guarded([&] {
    auto opened = bus->bus.client(service, asked, type_of(given.service.type));
    if (opened) *client = new tow_client(std::move(*opened));
    return code_of(opened);
  });
}

void tow_client_close(tow_client* client) {
  if (client != nullptr) client->let_go();
}

const char* tow_client_service(const tow_client* client) {
  return ask_client(client, "", [](const auto& it) { return it.service().c_str(); });
}

const char* tow_client_reply_topic(const tow_client* client) {
  return ask_client(client, "", [](const auto& it) { return it.reply_topic().c_str(); });
}

size_t tow_client_in_flight(const tow_client* client) {
  return ask_client(client, size_t{0}, [](const auto& it) { return it.in_flight(); });
}

uint64_t tow_client_late(const tow_client* client) {
  return ask_client(client, uint64_t{0}, [](const auto& it) { return it.late(); });
}

tow_code tow_client_call(tow_client* client, const void* data, size_t bytes, int64_t timeout_ns,
                         const tow_attributes* attributes, tow_message* reply) {
  if (client == nullptr) return null_argument("the client");
  if (reply == nullptr) return null_argument("the message for the reply");
  if (data == nullptr && bytes != 0) return null_argument("the payload");
  return guarded([&] {
    auto& to = *static_cast<tow_own_message*>(reply);
    to.release();
    const auto payload = span_of(data, bytes);
    if (attributes == nullptr) {
      return give(client->client.call(payload, ns(timeout_ns)), client, to);
    }
    tow::Attributes asked;
    if (const tow_code fault = read(attributes, asked)) return fault;
    return give(client->client.call(payload, ns(timeout_ns), asked), client, to);
  });
}

tow_code tow_client_send(tow_client* client, const void* data, size_t bytes, int64_t timeout_ns,
                         const tow_attributes* attributes, tow_call** call) {
  if (client == nullptr) return null_argument("the client");
  if (call == nullptr) return null_argument("the pointer to the call");
  if (data == nullptr && bytes != 0) return null_argument("the payload");
  return guarded([&] {
    tow::Attributes asked;
    if (const tow_code fault = read(attributes, asked)) return fault;
    const auto payload = span_of(data, bytes);
    auto sent = attributes == nullptr ? client->client.send(payload, ns(timeout_ns))
                                      : client->client.send(payload, ns(timeout_ns), asked);
    if (!sent) return fail(sent.error());
    tow_waitable replies{&sent->replies()};
    *call = new tow_call{Kept(client), std::move(*sent), replies};
    return TOW_OK;
  });
}

tow_code tow_call_next(tow_call* call, tow_message* reply) {
  if (call == nullptr) return null_argument("the call");
  if (reply == nullptr) return null_argument("the message for the reply");
  return guarded([&] {
    auto& to = *static_cast<tow_own_message*>(reply);
    to.release();
    auto next = call->call.next();
    if (next && *next) return give(std::move(**next), call->client.get(), to);
    to.payload = tow::Message<>();
    return next ? TOW_NOTHING : fail(next.error());
  });
}

tow_code tow_call_get(tow_call* call, tow_message* reply) {
  if (call == nullptr) return null_argument("the call");
  if (reply == nullptr) return null_argument("the message for the reply");
  return guarded([&] {
    auto& to = *static_cast<tow_own_message*>(reply);
    to.release();
    return give(call->call.get(), call->client.get(), to);
  });
}

bool tow_call_wait(tow_call* call, int64_t timeout_ns) {
  if (call == nullptr) return (void)null_argument("the call"), false;
  return guarded_or(false, [&] { return call->call.wait(ns(timeout_ns)); });
}

void tow_call_end_within(tow_call* call, int64_t timeout_ns) {
  if (call == nullptr) return (void)null_argument("the call");
  guarded_or(0, [&] { return call->call.end_within(ns(timeout_ns)), 0; });
}

void tow_call_cancel(tow_call* call) {
  if (call == nullptr) return (void)null_argument("the call");
  guarded_or(0, [&] { return call->call.cancel(), 0; });
}

void tow_call_close(tow_call* call) { delete call; }
