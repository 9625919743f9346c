#include "towpath/bus.hpp"

#include "handles.hpp"
#include "names.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

constexpr tow_bus_options kDefaults{sizeof kDefaults, true, false, 0600};

}  // namespace

void tow_bus_options_init_sized(tow_bus_options* options, size_t struct_bytes) {
  initialise(options, struct_bytes, kDefaults);
}

tow_code tow_bus_open(const char* name, const tow_bus_options* options, tow_bus** bus) {
  if (const tow_code fault = need({{name, "the bus's name"}, {bus, "the pointer to the bus"}})) {
    return fault;
  }
  tow_bus_options given = kDefaults;
  if (const tow_code fault = read(options, "tow_bus_options", given)) return fault;
  return guarded([&] {
    auto opened = tow::Bus::open(
        name, {.create = given.create, .observe = given.observe, .file_mode = given.file_mode});
    if (opened) *bus = new tow_bus{std::move(*opened)};
    return code_of(opened);
  });
}

void tow_bus_close(tow_bus* bus) { delete bus; }

const char* tow_bus_path(const tow_bus* bus) {
  return ask(bus, "the bus", "", [](const tow_bus& it) { return it.bus.path().c_str(); });
}

tow_code tow_bus_path_of(const char* name, char** path) {
  if (const tow_code fault = need({{name, "the bus's name"}, {path, "the pointer to the path"}})) {
    return fault;
  }
  return guarded([&] {
    const auto found = tow::Bus::path_of(name);
    if (!found) return fail(found.error());
    char* const copy = strdup(found->c_str());
    if (copy == nullptr) throw std::bad_alloc();
    *path = copy;
    return TOW_OK;
  });
}

tow_code tow_bus_remove(const char* name) {
  if (name == nullptr) return null_argument("the bus's name");
  return guarded([&] { return code_of(tow::Bus::remove(name)); });
}

tow_code tow_bus_topics(const tow_bus* bus, const tow_names** names) {
  if (const tow_code fault = need({{bus, "the bus"}, {names, "the pointer to the names"}})) {
    return fault;
  }
  return guarded([&] { return *names = make_names(bus->bus.topics()), TOW_OK; });
}

tow_code tow_bus_exchanges(const tow_bus* bus, const tow_names** names) {
  if (const tow_code fault = need({{bus, "the bus"}, {names, "the pointer to the names"}})) {
    return fault;
  }
  return guarded([&] { return *names = make_names(bus->bus.exchanges()), TOW_OK; });
}

tow_code tow_bus_remove_topic(const tow_bus* bus, const char* name) {
  if (const tow_code fault = need({{bus, "the bus"}, {name, "the topic's name"}})) return fault;
  return guarded([&] { return code_of(bus->bus.remove_topic(name)); });
}

tow_code tow_bus_remove_exchange(const tow_bus* bus, const char* name) {
  if (const tow_code fault = need({{bus, "the bus"}, {name, "the exchange's name"}})) return fault;
  return guarded([&] { return code_of(bus->bus.remove_exchange(name)); });
}

tow_code tow_bus_heal(const tow_bus* bus, tow_heal_report* report) {
  if (bus == nullptr) return null_argument("the bus");
  return guarded([&] {
    const tow::HealReport done = bus->bus.heal();
    if (report != nullptr) {
      *report = {done.participants, done.lanes, done.readers, done.consumers, done.leftovers};
    }
    return TOW_OK;
  });
}

tow_code tow_bus_supervise(const tow_bus* bus, bool* supervises) {
  if (const tow_code fault = need({{bus, "the bus"}, {supervises, "the pointer to the answer"}})) {
    return fault;
  }
  return guarded([&] {
    const auto answer = bus->bus.supervise();
    if (answer) *supervises = *answer;
    return code_of(answer);
  });
}

void tow_bus_stop_supervising(const tow_bus* bus) {
  ask(bus, "the bus", 0, [](const tow_bus& it) { return it.bus.stop_supervising(), 0; });
}
