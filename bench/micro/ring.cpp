/// What one operation costs in one process, with every line in its own cache: instructions, not
/// transfers. towbench measures what crosses between cores.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <span>
#include <string>

#include "towpath/towpath.hpp"

namespace {

/// 48 bytes: what fits into the smallest slot.
struct Quote {
  std::uint64_t instrument;
  double bid, ask, bid_size, ask_size;
  std::uint64_t time_ns;
};
static_assert(sizeof(Quote) == 48);

/// A topic on a bus of its own, deleted at the end.
class Fixture {
 public:
  explicit Fixture(tow::Publishers publishers)
      : path_("/dev/shm/towpath-micro-" + std::to_string(getpid())),
        topic_(tow::Bus::open(path_)
                   .value()
                   .topic<Quote>("quotes", {.publishers = publishers})
                   .value()),
        publisher_(topic_.publisher().value()) {}
  ~Fixture() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Fixture(const Fixture&) = delete;

  tow::Topic<Quote>& topic() { return topic_; }
  tow::Publisher<Quote>& publisher() { return publisher_; }

 private:
  std::string path_;
  tow::Topic<Quote> topic_;
  tow::Publisher<Quote> publisher_;
};

/// A benchmark cannot throw: an error ends it with its text.
template <class T>
bool failed(benchmark::State& state, const tow::Result<T>& result) {
  if (result) return false;
  state.SkipWithError(result.error().message().c_str());
  return true;
}

void publish(benchmark::State& state, tow::Publishers publishers) {
  Fixture fixture(publishers);
  Quote quote{};
  for (auto _ : state) {
    ++quote.instrument;
    if (failed(state, fixture.publisher().publish(quote))) break;
  }
}
BENCHMARK_CAPTURE(publish, one, tow::Publishers::one);
BENCHMARK_CAPTURE(publish, many, tow::Publishers::many);

void publish_and_take(benchmark::State& state, tow::Publishers publishers) {
  Fixture fixture(publishers);
  auto subscriber = fixture.topic().subscriber().value();
  Quote quote{};
  for (auto _ : state) {
    ++quote.instrument;
    if (failed(state, fixture.publisher().publish(quote))) break;
    const auto taken = subscriber.try_take();
    if (!taken || taken->instrument != quote.instrument) {
      state.SkipWithError("another message came than was sent");
      break;
    }
  }
}
BENCHMARK_CAPTURE(publish_and_take, one, tow::Publishers::one);
BENCHMARK_CAPTURE(publish_and_take, many, tow::Publishers::many);

void publish_batch_of_64(benchmark::State& state, tow::Publishers publishers) {
  Fixture fixture(publishers);
  const std::array<Quote, 64> quotes{};
  for (auto _ : state) {
    if (failed(state, fixture.publisher().publish_batch(quotes))) break;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * quotes.size()));
}
BENCHMARK_CAPTURE(publish_batch_of_64, one, tow::Publishers::one);
BENCHMARK_CAPTURE(publish_batch_of_64, many, tow::Publishers::many);

void try_take_on_empty(benchmark::State& state, tow::Publishers publishers) {
  Fixture fixture(publishers);
  auto subscriber = fixture.topic().subscriber().value();
  for (auto _ : state) {
    const auto taken = subscriber.try_take();
    benchmark::DoNotOptimize(taken.timed_out());
  }
}
BENCHMARK_CAPTURE(try_take_on_empty, one, tow::Publishers::one);
BENCHMARK_CAPTURE(try_take_on_empty, many, tow::Publishers::many);

}  // namespace
