/// What it costs to find the queues of a message, beyond appending to them: 100 bindings of 100
/// queues, by the exchange's kind, from the router's memory and from its tables.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "bus/src/router.hpp"
#include "towpath/towpath.hpp"

namespace {

using tow::ExchangeKind;

constexpr std::size_t kBindings = 100;

std::string key_of(std::size_t number) {
  return "market.stock" + std::to_string(number) + ".trade";
}

/// A third of the patterns each: exact, with a star, with '#' at the end.
std::string pattern_of(std::size_t number) {
  if (number % 3 == 0) return key_of(number);
  const std::string stock = "stock" + std::to_string(number);
  return number % 3 == 1 ? "*." + stock + ".trade" : "market." + stock + ".#";
}

tow::Headers headers_of(std::size_t number) {
  return {{"class", "stock"}, {"symbol", static_cast<std::int64_t>(number)}};
}

tow::Binding binding_of(ExchangeKind kind, std::size_t number) {
  tow::Binding binding{tow::Binding::To::queue, "queue" + std::to_string(number)};
  if (kind == ExchangeKind::direct) binding.key = key_of(number);
  if (kind == ExchangeKind::topic) binding.key = pattern_of(number);
  if (kind == ExchangeKind::headers) {
    binding.arguments = {{"symbol", static_cast<std::int64_t>(number)}, {"venue", "x"}};
  }
  return binding;
}

tow::Router router_of(ExchangeKind kind) {
  const auto load = [kind](const std::string&) -> tow::Result<std::optional<tow::Router::Loaded>> {
    tow::BindingTable table;
    table.kind = kind;
    for (std::size_t i = 0; i < kBindings; ++i) table.bindings.push_back({binding_of(kind, i), i});
    return std::optional(tow::Router::Loaded{std::move(table), 1});
  };
  return tow::Router::compile("exchange", load).value();
}

/// Each message goes to one queue, except for fanout.
void route(benchmark::State& state, ExchangeKind kind, std::size_t different_keys) {
  tow::Router router = router_of(kind);
  std::vector<std::string> keys;
  std::vector<tow::Headers> headers;
  for (std::size_t i = 0; i < different_keys; ++i) {
    // More keys than the router remembers: those of no stock at all take as many steps.
    keys.push_back(key_of(i % 7 == 0 ? i : i % kBindings) + (i < kBindings ? "" : ".x"));
    headers.push_back({{"symbol", static_cast<std::int64_t>(i % kBindings)},
                       {"venue", "x"},
                       {"size", std::int64_t{100}}});
  }
  std::size_t i = 0, found = 0;
  for (auto _ : state) {
    found += router.route(keys[i], headers[i]).size();
    i = i + 1 == different_keys ? 0 : i + 1;
  }
  state.counters["queues"] = static_cast<double>(found) / static_cast<double>(state.iterations());
}
constexpr std::size_t kRemembered = 50, kTooMany = 20000;
BENCHMARK_CAPTURE(route, direct_remembered, ExchangeKind::direct, kRemembered);
BENCHMARK_CAPTURE(route, direct_anew, ExchangeKind::direct, kTooMany);
BENCHMARK_CAPTURE(route, topic_remembered, ExchangeKind::topic, kRemembered);
BENCHMARK_CAPTURE(route, topic_anew, ExchangeKind::topic, kTooMany);
BENCHMARK_CAPTURE(route, headers_anew, ExchangeKind::headers, kRemembered);
BENCHMARK_CAPTURE(route, fanout_to_100, ExchangeKind::fanout, kRemembered);

/// On a bus, everything included: 0 queues is matching alone, with the look for changes.
void publish(benchmark::State& state, ExchangeKind kind, bool matches) {
  const std::string path = "/dev/shm/towpath-micro-" + std::to_string(getpid());
  {
    const auto bus = tow::Bus::open(path).value();
    (void)bus.topic("queue7").value();
    const auto exchange = bus.exchange("exchange", {.kind = kind}).value();
    for (std::size_t i = 0; i < kBindings; ++i) {
      const tow::Binding binding = binding_of(kind, i);
      exchange.bind("queue7", binding.key, binding.arguments).value();
    }
    auto publisher = exchange.publisher({.carry_routing_key = false}).value();
    const std::string key = matches ? key_of(7) : "market.bonds.trade", payload(48, 'x');
    tow::Attributes attributes;
    if (kind == ExchangeKind::headers) attributes.headers = headers_of(matches ? 7 : kBindings);
    for (auto _ : state) {
      benchmark::DoNotOptimize(publisher.publish(key, payload, attributes).has_value());
    }
    state.counters["queues"] = static_cast<double>(publisher.reached());
  }
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}
BENCHMARK_CAPTURE(publish, direct_to_1, ExchangeKind::direct, true);
BENCHMARK_CAPTURE(publish, direct_to_none, ExchangeKind::direct, false);
BENCHMARK_CAPTURE(publish, topic_to_1, ExchangeKind::topic, true);
BENCHMARK_CAPTURE(publish, topic_to_none, ExchangeKind::topic, false);
BENCHMARK_CAPTURE(publish, headers_to_none, ExchangeKind::headers, false);

/// The same append without an exchange.
void publish_to_queue(benchmark::State& state) {
  const std::string path = "/dev/shm/towpath-micro-" + std::to_string(getpid());
  {
    auto publisher = tow::Bus::open(path).value().topic("queue7").value().publisher().value();
    const std::string payload(48, 'x');
    for (auto _ : state) benchmark::DoNotOptimize(publisher.publish(payload).has_value());
  }
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}
BENCHMARK(publish_to_queue);

}  // namespace
