#include "towpath/server.hpp"

#include "handles.hpp"
#include "service.hpp"

using namespace tow::c;

namespace {

constexpr tow_server_options kDefaults{.struct_bytes = sizeof(tow_server_options),
                                       .service = kServiceDefaults,
                                       .concurrent = 1,
                                       .wait_for_client_ns = 1'000'000'000,
                                       .known_clients = 64,
                                       .spin_ns = 50'000};

template <class T, class Body>
T ask_server(const tow_server* server, T otherwise, const Body& body) {
  return ask(server, "the server", otherwise,
             [&](const tow_server& it) { return body(it.server); });
}

}  // namespace

void tow_server_options_init_sized(tow_server_options* options, size_t struct_bytes) {
  initialise(options, struct_bytes, kDefaults);
}

tow_code tow_server_open(const tow_bus* bus, const char* service, const tow_server_options* options,
                         tow_server** server) {
  if (const tow_code fault = need({{bus, "the bus"},
                                   {service, "the service's name"},
                                   {server, "the pointer to the server"}})) {
    return fault;
  }
  tow_server_options given = kDefaults;
  if (const tow_code fault = read(options, "tow_server_options", given)) return fault;
  tow::ServerOptions asked{.concurrent = given.concurrent,
                           .wait_for_client = ns(given.wait_for_client_ns),
                           .known_clients = given.known_clients,
                           .spin = ns(given.spin_ns)};
  if (const tow_code fault = read(given.service, "tow_server_options.service", asked.service)) {
    return fault;
  }
  return guarded([&] {
    auto opened = bus->bus.server(service, asked, type_of(given.service.type));
    if (opened) *server = new tow_server(std::move(*opened));
    return code_of(opened);
  });
}

void tow_server_close(tow_server* server) {
  if (server != nullptr) server->let_go();
}

const char* tow_server_service(const tow_server* server) {
  return ask_server(server, "", [](const auto& it) { return it.service().c_str(); });
}

uint64_t tow_server_answered(const tow_server* server) {
  return ask_server(server, uint64_t{0}, [](const auto& it) { return it.answered(); });
}

uint64_t tow_server_dropped(const tow_server* server) {
  return ask_server(server, uint64_t{0}, [](const auto& it) { return it.dropped(); });
}

bool tow_server_ready(const tow_server* server) {
  return ask_server(server, false, [](const auto& it) { return it.ready(); });
}

tow_code tow_server_run(tow_server* server, tow_handler* handler, void* context) {
  if (server == nullptr) return null_argument("the server");
  if (handler == nullptr) return null_argument("the handler");
  return guarded([&] {
    const Kept kept(server);  // until the last request has ended
    return code_of(server->server.run([&](tow::Request<>& request) {
      tow_request handled;
      handled.request = std::move(request);
      handler(context, &handled);
    }));
  });
}

void tow_server_stop(tow_server* server) {
  if (server == nullptr) return (void)null_argument("the server");
  server->server.stop();
}

void tow_server_wait_for_client(tow_server* server, int64_t timeout_ns, bool give_up) {
  if (server == nullptr) return (void)null_argument("the server");
  server->server.wait_for_client(ns(timeout_ns), give_up);
}

tow_code tow_server_take(tow_server* server, int64_t timeout_ns, tow_request* request) {
  if (server == nullptr) return null_argument("the server");
  if (request == nullptr) return null_argument("the request");
  return guarded([&] {
    request->request = tow::Request<>();
    request->server.reset();
    tow::Request<> taken = server->server.take(ns(timeout_ns));
    if (!taken) return taken.failed() ? fail(taken.error()) : TOW_NOTHING;
    request->request = std::move(taken);
    request->server.set(server);
    return TOW_OK;
  });
}
