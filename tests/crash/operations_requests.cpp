#include "operation_parts.hpp"

namespace tow::crash {
namespace {

constexpr const char* kService = "service";
/// Small, because every byte is compared at every instruction.
const ServiceOptions kSmallService{
    .depth = 16, .max_request_bytes = kSmall, .pool_bytes = kPoolBytes};
const ClientOptions kSmallClient{.service = kSmallService,
                                 .reply_depth = 16,
                                 .max_reply_bytes = kSmall,
                                 .reply_pool_bytes = kPoolBytes,
                                 .spin = 0ns};
const ServerOptions kSmallServer{.service = kSmallService, .spin = 0ns};

/// What a child has: ended from the last to the first.
struct Parties {
  std::optional<Client<>> client;
  std::optional<Server<>> server;
  std::optional<PendingCall<>> call;
  std::optional<Request<>> request;
  std::optional<Reply<>> reply;
};

Parties& parties(Actor& actor) {
  if (!actor.other) actor.other = std::make_shared<Parties>();
  return *static_cast<Parties*>(actor.other.get());
}

void be_client(Actor& actor) {
  open_bus(actor);
  parties(actor).client.emplace(actor.bus->client(kService, kSmallClient).value());
}
void be_server(Actor& actor) {
  open_bus(actor);
  parties(actor).server.emplace(actor.bus->server(kService, kSmallServer).value());
}
void take_request(Actor& actor) { parties(actor).request.emplace(parties(actor).server->take(1s)); }
void ask(Actor& actor) {
  be_client(actor);
  parties(actor).call.emplace(parties(actor).client->send(text_of(1, kSmall)).value());
}

/// The service exists before, so that it is not what dies half made.
Setting with_service() {
  return with(of(Publishers::many),
              [](Stage& stage) { (void)stage.bus().server(kService, kSmallServer).value(); });
}

/// A request that wants its reply in the topic, where the survivor reads it.
Setting with_request() {
  return with(of(Publishers::many), [](Stage& stage) {
    (void)stage.bus().server(kService, kSmallServer).value();
    auto publisher = stage.bus().topic_as_bytes(kService).value().publisher().value();
    publisher.publish(text_of(1, kSmall), {.reply_topic = kTopic}).value();
  });
}

/// How many requests a new server gets; they must be whole.
int requests_left(const Bus& bus) {
  auto server = bus.server(kService, kSmallServer).value();
  int left = 0;
  while (auto request = server.take(0ns)) {
    if (!is_text_of(request.text(), 1)) return -1;
    (void)request.reply("");
    ++left;
  }
  const auto info = bus.topic_as_bytes(kService).value().group(kServers).value().info();
  return info.lag == 0 ? left : -1;
}

/// `before` requests until the operation's change, `after` once it has returned.
Verdict leaves(int before, int after) {
  return [before, after](const Bus& bus, bool done) -> std::string {
    for (const std::string& topic : bus.topics()) {
      if (topic.find(".reply.") != std::string::npos) return "a dead client's " + topic;
    }
    const int left = requests_left(bus);
    bus.remove_topic(kService).value();  // nothing may stay that nobody knows
    if (left == after || (left == before && !done)) return "";
    return "a new server gets " + std::to_string(left) + " requests";
  };
}

void done(Actor& actor) { actor.progress->done.store(true); }

void add_asking(Operations& list) {
  list.push_back({.name = "become a client",
                  .setting = with_service(),
                  .prepare = open_bus,
                  .act = be_client,
                  .verdict = leaves(0, 0)});
  list.push_back({.name = "become a client of a new service",
                  .setting = of(Publishers::many),
                  .prepare = open_bus,
                  .act = be_client,
                  .verdict = leaves(0, 0)});
  list.push_back({.name = "send a request",
                  .setting = with_service(),
                  .prepare = be_client,
                  .act =
                      [](Actor& actor) {
                        parties(actor).call.emplace(
                            parties(actor).client->send(text_of(1, kSmall)).value());
                        done(actor);
                      },
                  .verdict = leaves(0, 1)});
  list.push_back({.name = "withdraw a request",
                  .setting = with_service(),
                  .prepare = ask,
                  .act =
                      [](Actor& actor) {
                        parties(actor).call->cancel();
                        done(actor);
                      },
                  .verdict = leaves(1, 0)});
  Setting room_wanted = with_service();
  room_wanted.meanwhile = [](Stage& stage) { stage.want_room(kService); };
  list.push_back({.name = "wait for a reply until a deadline",
                  .setting = room_wanted,
                  .prepare = be_client,
                  .act =
                      [](Actor& actor) {
                        (void)parties(actor).client->call(text_of(1, kSmall), 15ms);
                        done(actor);
                      },
                  .verdict = leaves(1, 0)});
  list.push_back({.name = "end as a client",
                  .setting = with_service(),
                  .prepare = be_client,
                  .act = [](Actor& actor) { parties(actor).client.reset(); },
                  .verdict = leaves(0, 0)});
  list.push_back({.name = "become a client where one has died",
                  .setting = with_dead(with_service(), be_client),
                  .prepare = open_bus,
                  .act = be_client,
                  .verdict = leaves(0, 0)});
}

void add_answering(Operations& list) {
  const auto have_request = [](Actor& actor) {
    be_server(actor);
    take_request(actor);
    actor.next = actor.bus->topic_as_bytes(kTopic).value().last_sequence() + 1;
  };
  list.push_back({.name = "answer a request",
                  .setting = with_request(),
                  .prepare = have_request,
                  .act =
                      [](Actor& actor) {
                        parties(actor).request->reply(text_of(actor.next, kSmall)).value();
                        ++actor.next;
                        actor.progress->published.fetch_add(1);
                      },
                  .publishes = 1,
                  .verdict = leaves(0, 0)});
  list.push_back({.name = "take a reply",
                  .setting = with_service(),
                  .prepare =
                      [](Actor& actor) {
                        ask(actor);
                        parties(actor).server.emplace(
                            actor.bus->server(kService, kSmallServer).value());
                        take_request(actor);
                        parties(actor).request->reply("yes").value();
                      },
                  .act =
                      [](Actor& actor) {
                        parties(actor).reply.emplace(parties(actor).call->get().value());
                        if (parties(actor).reply->text() != "yes") actor.progress->damaged = 1;
                      },
                  .verdict = leaves(0, 0)});
}

}  // namespace

void add_requests(Operations& list) {
  add_asking(list);
  add_answering(list);
}

}  // namespace tow::crash
