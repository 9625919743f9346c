/// Runs one of the hottest paths many times. check.py counts its instructions with callgrind, which
/// is told to collect inside measured() alone.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>

#include "bench/micro/fixture.hpp"

namespace {

using towbench::Fixture;
using towbench::Quote;
using enum tow::Publishers;

constexpr std::size_t kBurst = 64, kBursts = 64;  // all slots of a topic, several times

/// One burst, in so many calls; callgrind counts what happens in here.
template <class Operation>
[[gnu::noinline]] void measured(Operation&& operation, std::size_t calls = kBurst) {
  for (std::size_t i = 0; i < calls; ++i) operation();
}

void publish_burst(Fixture& fixture) {
  for (std::size_t i = 0; i < kBurst; ++i) fixture.publisher().publish(Quote{}).value();
}

void take_burst(tow::Subscriber<Quote>& subscriber) {
  for (std::size_t i = 0; i < kBurst; ++i) {
    if (!subscriber.try_take()) throw std::runtime_error("a message is missing");
  }
}

void publish(tow::Publishers publishers) {
  Fixture fixture(publishers);
  auto subscriber = fixture.topic().subscriber().value();
  for (std::size_t burst = 0; burst < kBursts; ++burst) {
    measured([&] { fixture.publisher().publish(Quote{}).value(); });
    take_burst(subscriber);
  }
}

void take(tow::Publishers publishers) {
  Fixture fixture(publishers);
  auto subscriber = fixture.topic().subscriber().value();
  for (std::size_t burst = 0; burst < kBursts; ++burst) {
    publish_burst(fixture);
    measured([&] {
      if (!subscriber.try_take()) throw std::runtime_error("a message is missing");
    });
  }
}

void look_at_empty(tow::Publishers publishers) {
  Fixture fixture(publishers);
  auto subscriber = fixture.topic().subscriber().value();
  for (std::size_t burst = 0; burst < kBursts; ++burst) {
    measured([&] {
      if (subscriber.try_take()) throw std::runtime_error("a message out of nowhere");
    });
  }
}

void publish_batch(tow::Publishers publishers) {
  Fixture fixture(publishers);
  auto subscriber = fixture.topic().subscriber().value();
  const std::array<Quote, kBurst> quotes{};
  for (std::size_t burst = 0; burst < kBursts; ++burst) {
    measured([&] { fixture.publisher().publish_batch(quotes).value(); }, 1);
    take_burst(subscriber);
  }
}

void take_and_ack() {
  Fixture fixture(many);
  auto consumer = fixture.topic().group("workers").value().consumer().value();
  for (std::size_t burst = 0; burst < kBursts; ++burst) {
    publish_burst(fixture);
    measured([&] { consumer.try_take().ack().value(); });
  }
}

/// All that a call needs, of both sides.
void request_and_reply() {
  Fixture fixture(many);
  const auto bus = tow::Bus::open(fixture.path()).value();
  auto server = bus.server<Quote, Quote>("service").value();
  auto client = bus.client<Quote, Quote>("service").value();
  for (std::size_t burst = 0; burst < kBursts; ++burst) {
    measured([&] {
      auto call = client.send(Quote{}).value();
      server.take().reply(Quote{}).value();
      if (!call.get()) throw std::runtime_error("a reply is missing");
    });
  }
}

const std::map<std::string, void (*)()> kPaths{
    {"publish, one", [] { publish(one); }},
    {"publish, many", [] { publish(many); }},
    {"take, one", [] { take(one); }},
    {"take, many", [] { take(many); }},
    {"look at an empty topic", [] { look_at_empty(one); }},
    {"publish in batches of 64, one", [] { publish_batch(one); }},
    {"take and ack, a group", take_and_ack},
    {"request and reply, both sides", request_and_reply},
};

}  // namespace

/// Without arguments: how many operations a run measures, then the names of the paths.
int main(int argc, char** argv) try {
  if (argc == 1) {
    std::printf("%zu\n", kBurst * kBursts);
    for (const auto& [name, run] : kPaths) std::printf("%s\n", name.c_str());
    return EXIT_SUCCESS;
  }
  kPaths.at(argv[1])();
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::fprintf(stderr, "hot_paths: %s\n", error.what());
  return EXIT_FAILURE;
}
