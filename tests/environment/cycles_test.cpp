// Opening and closing everything, over and over: nothing may stay.

#include <malloc.h>
#include <poll.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "member.hpp"

namespace tow::test {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kCycles = 100;
#else
constexpr int kCycles = 1000;
#endif
/// After so many everything is there that is made once: a waiting thread, pages, lanes, arenas.
constexpr int kWarmUp = 50;

struct Possessions {
  std::size_t fds = 0, mappings = 0, threads = 0;
  std::size_t private_kib = 0;  ///< what the allocator holds, its slack included
  std::size_t heap_bytes = 0;   ///< what was allocated and not freed
};

std::size_t entries_of(const char* directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), {}));
}

Possessions possessions() {
  Possessions now{.fds = entries_of("/proc/self/fd"), .threads = entries_of("/proc/self/task")};
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/dev/shm/") != std::string::npos) ++now.mappings;
  }
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) now.private_kib = std::stoull(line.substr(8));
  }
  const struct mallinfo2 heap = mallinfo2();
  now.heap_bytes = heap.uordblks + heap.hblkhd;
  return now;
}

Task receive(Subscriber<std::uint64_t>& subscriber, std::uint64_t& sum) {
  for (int i = 0; i < 2; ++i) {
    const auto message = co_await subscriber.next();
    sum += *message;
  }
}

void use_everything(const std::string& bus, Publishers kind) {
  const auto topic = small_topic(bus, kind);
  auto required = topic.subscriber().value();
  auto lossy = topic.subscriber({.kind = SubscriberKind::lossy}).value();
  pollfd descriptor{lossy.fd().value(), POLLIN, 0};
  while (lossy.try_take()) {
  }
  auto publisher = topic.publisher().value();
  publisher.publish(1).value();
  publisher.publish(2).value();
  EXPECT_EQ(poll(&descriptor, 1, 60'000), 1);
  EXPECT_EQ(*lossy.take(), 1U);
  std::uint64_t sum = 0;
  run(receive(required, sum));
  EXPECT_EQ(sum, 3U);
  const Bus other = Bus::open(bus).value();
  EXPECT_EQ(other.topics().size(), 1U);
}

class Cycles : public testing::TestWithParam<Publishers> {};

TEST_P(Cycles, OfOpeningAndClosingLeaveNothing) {
  Child child([] {
    const TempBus place;
    const auto bytes_of_bus = [&] {
      std::uintmax_t bytes = 0;
      for (const auto& file : tree_of(place.name())) {
        const std::string path = place.name() + '/' + file;
        if (std::filesystem::is_regular_file(path)) bytes += std::filesystem::file_size(path);
      }
      return bytes;
    };
    Possessions early;
    std::uintmax_t early_bytes = 0;
    for (int i = 0; i < kCycles; ++i) {
      use_everything(place.name(), GetParam());
      ASSERT_FALSE(testing::Test::HasFailure()) << "in cycle " << i;
      if (i != kWarmUp) continue;
      early = possessions();
      early_bytes = bytes_of_bus();
    }
    const Possessions late = possessions();
    EXPECT_EQ(late.fds, early.fds);
    EXPECT_EQ(late.mappings, early.mappings);
    EXPECT_EQ(late.threads, early.threads);
    EXPECT_EQ(bytes_of_bus(), early_bytes);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LE(late.heap_bytes, early.heap_bytes + 16'000);  // less than 17 bytes a cycle
    EXPECT_LE(late.private_kib, early.private_kib + 256);
#endif
  });
  EXPECT_EQ(child.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Cycles, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow::test
