// Towpath with the next layout version, as another program may have it: this file and the product's
// sources are compiled against a header that differs in that number alone.

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "towpath/towpath.hpp"

namespace {

using namespace std::chrono_literals;

/// Publishes and takes on the topic `topic`, `count` times; waits for a byte on its input before
/// the second half.
void use(const std::string& bus, const std::string& topic, std::uint64_t count) {
  const auto numbers = tow::Bus::open(bus).value().topic<std::uint64_t>(topic).value();
  auto subscriber = numbers.subscriber().value();
  auto publisher = numbers.publisher().value();
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i == count / 2) {
      char byte = 0;
      std::printf("half\n");
      std::fflush(stdout);
      if (read(STDIN_FILENO, &byte, 1) < 0) std::printf("no input\n");
    }
    publisher.publish(i).value();
    if (*subscriber.take(60s) != i) std::printf("another message came\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    use(argv[1], argv[2], 1000);
    std::printf("done\n");
    return 0;
  } catch (const std::exception& failure) {
    std::printf("%s\n", failure.what());
    return 1;
  }
}
