/// towbench_joiner BUS: joins the bus that an experiment prepared, publishes and subscribes, and
/// prints by how many KiB its anonymous memory grew.

#include <fmt/format.h>

#include <stdexcept>

#include "bench/harness/memory.hpp"
#include "bench/towbench/tow_link.hpp"

namespace {

void join(const char* path) {
  constexpr int kMessages = 10'000;
  using Quote = towbench::Payload<48>;
  const auto bus = tow::Bus::open(path).value();
  const auto topic = bus.topic<Quote>("quotes").value();
  auto publisher = topic.publisher().value();
  auto subscriber = topic.subscriber().value();
  for (int i = 0; i < kMessages; ++i) {
    publisher.publish(Quote{}).value();
    if (!subscriber.take(std::chrono::seconds(1))) {
      throw std::runtime_error("an own message did not come");
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw std::runtime_error("usage: towbench_joiner BUS");
    const double before = towbench::anonymous_kib();
    join(argv[1]);
    fmt::print("{}\n", towbench::anonymous_kib() - before);
  } catch (const std::exception& error) {
    fmt::print(stderr, "towbench_joiner: {}\n", error.what());
    return 1;
  }
}
