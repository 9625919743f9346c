#include <algorithm>

#include "operation_parts.hpp"
#include "towpath/shm/document.hpp"

namespace tow::crash {
namespace {

constexpr const char* kExchange = "exchange";
constexpr const char* kOtherExchange = "other";
/// Small, because every byte is compared at every instruction.
const ExchangeOptions kSmallTable{
    .kind = ExchangeKind::topic, .alternate = {}, .table_bytes = 4096};

Exchange open_exchange(const Bus& bus, const char* name = kExchange) {
  return bus.exchange(name, kSmallTable).value();
}

/// With an exchange bound to the topic, and others made by `more`.
Setting with_exchange(std::function<void(Stage&)> more = {}) {
  return with(of(Publishers::many), [more = std::move(more)](Stage& stage) {
    open_exchange(stage.bus()).bind(kTopic, "key.#").value();
    if (more) more(stage);
  });
}

std::vector<std::string> keys_in(const Bus& bus, const char* name = kExchange) {
  std::vector<std::string> keys;
  const auto bindings = open_exchange(bus, name).bindings().value();
  for (const Binding& binding : bindings) keys.push_back(binding.key);
  return keys;
}

using Keys = std::vector<std::string>;

/// The table is the old one or the new one; the new one if the change returned.
Verdict either(Keys before, Keys after) {
  return [before = std::move(before), after = std::move(after)](const Bus& bus, bool done) {
    const Keys keys = keys_in(bus);
    return keys == after || (keys == before && !done) ? "" : "a table that nobody made";
  };
}

void add_changes(Operations& list) {
  list.push_back({.name = "create an exchange",
                  .setting = of(Publishers::many),
                  .prepare = open_bus,
                  .act = [](Actor& actor) { open_exchange(*actor.bus); },
                  .verdict = either({}, {})});
  list.push_back({.name = "bind",
                  .setting = with_exchange(),
                  .prepare = open_bus,
                  .act =
                      [](Actor& actor) {
                        open_exchange(*actor.bus).bind(kTopic, "second.*", {{"a", 1}}).value();
                        actor.progress->done.store(true);
                      },
                  .verdict = either({"key.#"}, {"key.#", "second.*"})});
  list.push_back({.name = "unbind",
                  .setting = with_exchange(),
                  .prepare = open_bus,
                  .act =
                      [](Actor& actor) {
                        open_exchange(*actor.bus).unbind(kTopic, "key.#").value();
                        actor.progress->done.store(true);
                      },
                  .verdict = either({"key.#"}, {})});
}

/// An exchange that leads to the one that is removed: never to another of its name.
void bind_other(Stage& stage) {
  open_exchange(stage.bus(), kOtherExchange).bind_exchange(kExchange, "to it").value();
}

std::string other_leads_nowhere(const Bus& bus, bool done) {
  const auto names = bus.exchanges();
  const bool there = std::find(names.begin(), names.end(), kExchange) != names.end();
  if (there && done) return "a removed exchange is still there";
  return keys_in(bus, kOtherExchange) == (there ? Keys{"to it"} : Keys{}) ? ""
                                                                          : "a binding to nowhere";
}

/// As a remover dies between the last two steps.
void end_exchange(Actor& actor) {
  actor.bus.emplace(Bus::open(actor.path).value());
  const auto directory = shm::Directory::open(actor.path + "/exchanges").value();
  const auto lock = shm::FileLock::take(directory, ".lock", std::chrono::hours(1)).value();
  shm::Document::open(directory, kExchange, shm::SegmentKind::exchange, shm::Access::read_write)
      .value()
      .end(lock);
}

void add_removals(Operations& list) {
  list.push_back({.name = "remove an exchange",
                  .setting = with_exchange(bind_other),
                  .prepare = open_bus,
                  .act =
                      [](Actor& actor) {
                        actor.bus->remove_exchange(kExchange).value();
                        actor.progress->done.store(true);
                      },
                  .verdict = other_leads_nowhere});
  list.push_back({.name = "remove a topic that is bound",
                  .setting = with_exchange(),
                  .prepare = open_bus,
                  .act = [](Actor& actor) { actor.bus->remove_topic(kTopic).value(); },
                  .may_remove = true,
                  .verdict =
                      [](const Bus& bus, bool) {
                        const auto topics = bus.topics();
                        const bool there = !topics.empty();
                        return keys_in(bus).empty() || there ? "" : "a binding to nowhere";
                      }});
  list.push_back({.name = "repair the removal of an exchange",
                  .setting = with_dead(with_exchange(), end_exchange),
                  .prepare =
                      [](Actor& actor) {
                        actor.bus.emplace(
                            Bus::open(actor.path, {.create = false, .observe = true}).value());
                      },
                  .act = [](Actor& actor) { actor.bus->heal(); },
                  .verdict = either({}, {})});
  list.push_back({.name = "make anew an exchange that was ended",
                  .setting = with_exchange([](Stage& stage) { stage.let_die(end_exchange); }),
                  .prepare = open_bus,
                  .act = [](Actor& actor) { open_exchange(*actor.bus); },
                  .verdict = either({}, {})});
}

void add_publishing_through(Operations& list) {
  const auto attach = [](Actor& actor) {
    actor.bus.emplace(Bus::open(actor.path).value());
    actor.next = actor.bus->topic_as_bytes(kTopic).value().last_sequence() + 1;
    auto publisher = open_exchange(*actor.bus).publisher({.when_full = WhenFull::fail}).value();
    actor.other = std::make_shared<ExchangePublisher>(std::move(publisher));
  };
  const auto publish = [](Actor& actor) {
    auto& publisher = *static_cast<ExchangePublisher*>(actor.other.get());
    if (publisher.publish(all_attributes().key, text_of(actor.next, kSmall)).value() != 1) return;
    ++actor.next;
    actor.progress->published.fetch_add(1);
  };
  list.push_back({.name = "publish the first through an exchange",
                  .setting = with_exchange(),
                  .prepare = attach,
                  .act = publish,
                  .publishes = 1});
  list.push_back({.name = "publish through an exchange",
                  .setting = with_exchange(),
                  .prepare =
                      [attach, publish](Actor& actor) {
                        attach(actor);
                        publish(actor);
                      },
                  .act = publish,
                  .publishes = 2});
}

}  // namespace

void add_exchanges(Operations& list) {
  add_changes(list);
  add_removals(list);
  add_publishing_through(list);
}

}  // namespace tow::crash
