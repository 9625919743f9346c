/// The smallest Towpath program: one process publishes three quotes, another reads them.
///
///   hello [FOLDER]     the bus lives in FOLDER, or in a temporary one, and is removed at the end

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

// [snippet]
#include <towpath/towpath.hpp>

struct Quote {
  std::uint64_t instrument;
  double bid, ask;
};
// [/snippet]

namespace {

using namespace std::chrono_literals;

constexpr int kQuotes = 3;

void publish(const std::string& path) {
  // [snippet]
  auto bus = tow::Bus::open(path).value();
  auto quotes = bus.topic<Quote>("quotes.eurusd", {.publishers = tow::Publishers::one}).value();

  auto publisher = quotes.publisher().value();  // process A
  publisher.publish({1, 1.0841, 1.0843}).value();
  // [/snippet]
  for (int i = 1; i < kQuotes; ++i) publisher.publish({1, 1.0841 + i, 1.0843 + i}).value();
}

int subscribe(const std::string& path) {
  int count = 0;
  auto bus = tow::Bus::open(path).value();
  auto quotes = bus.topic<Quote>("quotes.eurusd", {.publishers = tow::Publishers::one}).value();
  // [snippet]
  auto subscriber = quotes.subscriber({.start = tow::Start::oldest()}).value();  // process B
  while (auto quote = subscriber.take(10s)) {
    std::printf("%lu: bid %.4f ask %.4f\n", quote.sequence(), quote->bid, quote->ask);
    // [/snippet]
    if (++count == kQuotes) break;
    // [snippet]
  }
  // [/snippet]
  return count;
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-hello-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";

  // A forked child must open a bus of its own, so fork before opening one.
  const pid_t child = fork();
  if (child == 0) {
    publish(path);
    return 0;
  }
  const int count = subscribe(path);
  int status = 0;
  waitpid(child, &status, 0);

  std::filesystem::remove_all(argc > 1 ? path : folder);
  return count == kQuotes && status == 0 ? 0 : 1;
} catch (const tow::BadResult& bad) {
  std::fprintf(stderr, "hello: %s\n", bad.what());
  return 1;
}
