// The file of an exchange as bytes. The first byte says what the rest is: a table of bindings,
// which is decoded, compiled and asked; or a file, whole or laid over a good one, which is opened.

#include <algorithm>

#include "bus/src/router.hpp"
#include "input.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/shm/document.hpp"

namespace {

/// What can be decoded is encoded to what says the same, and routes whatever comes without harm.
/// Not to the same bytes: any that is not 0 stands for true.
void try_table(std::string_view bytes) {
  using tow::fuzz::require;
  const auto table = tow::decode(std::as_bytes(std::span(bytes)), "table");
  if (!table) return;
  const auto encoded = tow::encode(*table);
  const auto again = tow::decode(encoded, "table");
  require(again && std::ranges::equal(tow::encode(*again), encoded));
  const auto load = [&](const std::string&) -> tow::Result<std::optional<tow::Router::Loaded>> {
    return std::optional(tow::Router::Loaded{*table, 1});
  };
  auto router = tow::Router::compile("exchange", load);
  if (!router) return;
  for (const auto& [binding, identity] : table->bindings) {
    for (const std::uint32_t queue : router->route(binding.key, binding.arguments)) {
      require(queue < router->queue_count());
    }
  }
  (void)router->route("a.b..c", {{"a", 1}, {"b", "text"}, {"x-c", nullptr}});
}

struct Place {
  tow::test::TempBus bus;
  std::string path = bus.name() + "/exchanges/x", good;

  Place() {
    const auto opened = bus.open();
    (void)opened.topic("q", {.depth = 16}).value();
    const auto exchange =
        opened.exchange("x", {.kind = tow::ExchangeKind::topic, .table_bytes = 4096}).value();
    exchange.bind("q", "a.#").value();
    exchange.bind("q", "*", {{"a", 1}, {"b", "text"}}).value();
    std::ifstream file(path, std::ios::binary);
    good.assign(std::istreambuf_iterator<char>(file), {});
  }
};

void try_file(tow::fuzz::Input& input, bool over_good) {
  static const Place place;
  std::string file = over_good ? place.good : std::string(input.rest());
  while (over_good && input.left() != 0) {
    const std::size_t at = input.number<std::uint16_t>() % file.size();
    const std::string_view bytes = input.text(input.number<std::uint8_t>());
    file.replace(at, std::min(bytes.size(), file.size() - at), bytes);
  }
  tow::fuzz::write_file(place.path, file);
  const auto bus = place.bus.open();
  if (const auto exchange = bus.exchange("x", {.create = false})) {
    (void)exchange->bindings();
    if (auto publisher = exchange->publisher()) (void)publisher->publish("a.b", "m");
    (void)exchange->bind("q", "b");
  }
  (void)bus.exchanges();
  (void)bus.remove_exchange("x");
  tow::fuzz::write_file(place.path, place.good);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tow::fuzz::Input input(data, size);
  const auto what = input.number<std::uint8_t>() % 3;
  what == 0 ? try_table(input.rest()) : try_file(input, what == 1);
  return 0;
}
