// The other side of the tests of Python's types: publishes to typed topics of C++ what Python
// reads, and checks what Python has published.

#include <complex>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "towpath/bus.hpp"
#include "work_peer.hpp"

struct Tick {
  std::int64_t time;
  double price;
  std::int32_t size;
  char side;
};
namespace market {
struct Quote {
  float bid, ask;
};
}  // namespace market
struct Named {
  std::uint16_t number;
};
template <>
constexpr std::string_view tow::type_name<Named>() {
  return "a name of both";
}

namespace {

int failures = 0;

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  ++failures;
}

/// Topic `name`: takes the value that Python has published, then publishes the other.
template <class T>
void meet(const tow::Bus& bus, const std::string& name, const T& expected, const T& answer) {
  auto topic = bus.topic<T>(name);
  if (!topic) return expect(false, topic.error().message());
  auto subscriber = topic->subscriber({.start = tow::Start::oldest()});
  auto publisher = topic->publisher();
  if (!subscriber || !publisher) return expect(false, name + ": cannot join");
  const auto taken = subscriber->try_take();
  expect(taken && std::memcmp(&*taken, &expected, sizeof(T)) == 0, name + ": another value");
  expect(bool(publisher->publish(answer)), name + ": cannot publish");
}

Tick tick(std::int64_t time) {
  Tick it;
  std::memset(&it, 0, sizeof it);  // what lies between the members, too
  it.time = time;
  it.price = 1.5;
  it.size = 7;
  it.side = 'b';
  return it;
}

}  // namespace

int main(int count, char** arguments) {
  const auto bus = tow::Bus::open(arguments[1]);
  if (!bus) return std::fprintf(stderr, "%s\n", bus.error().message().c_str()), 1;
  if (count > 2) return work(*bus, arguments[1], arguments[2]);
  meet<bool>(*bus, "bool", true, false);
  meet<std::int8_t>(*bus, "int8", -1, -2);
  meet<std::uint8_t>(*bus, "uint8", 1, 2);
  meet<std::int16_t>(*bus, "int16", -1, -2);
  meet<std::uint16_t>(*bus, "uint16", 1, 2);
  meet<std::int32_t>(*bus, "int32", -1, -2);
  meet<std::uint32_t>(*bus, "uint32", 1, 2);
  meet<std::int64_t>(*bus, "int64", -1, -2);
  meet<std::uint64_t>(*bus, "uint64", 1, 2);
  meet<float>(*bus, "float32", 1.5F, 2.5F);
  meet<double>(*bus, "float64", 1.5, 2.5);
  meet<std::complex<float>>(*bus, "complex64", {1, 2}, {3, 4});
  meet<std::complex<double>>(*bus, "complex128", {1, 2}, {3, 4});
  meet<Tick>(*bus, "Tick", tick(1), tick(2));
  meet<Tick>(*bus, "Tick of ctypes", tick(1), tick(2));
  meet<market::Quote>(*bus, "Quote", {1, 2}, {3, 4});
  meet<Named>(*bus, "Named", {1}, {2});
  return failures == 0 ? 0 : 1;
}
