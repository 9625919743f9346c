// A stranger's first program: one message through a bus in the directory that is given.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <towpath/towpath.hpp>

namespace {

struct Quote {
  std::uint64_t instrument;
  double bid;
  double ask;
};

int run(const char* bus_path) {
  auto bus = tow::Bus::open(bus_path).value();
  auto quotes = bus.topic<Quote>("quotes.eurusd", {.publishers = tow::Publishers::one}).value();

  auto publisher = quotes.publisher().value();
  if (!publisher.publish({1, 1.0841, 1.0843})) {
    std::fprintf(stderr, "publish failed\n");
    return 1;
  }

  auto subscriber = quotes.subscriber({.start = tow::Start::oldest()}).value();
  auto quote = subscriber.take(std::chrono::seconds(5));
  if (!quote || quote->instrument != 1) {
    std::fprintf(stderr, "no quote arrived\n");
    return 1;
  }
  std::printf("bid %.4f ask %.4f\n", quote->bid, quote->ask);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s BUS_DIRECTORY\n", argv[0]);
    return 2;
  }
  return run(argv[1]);
}
