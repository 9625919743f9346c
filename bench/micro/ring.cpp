/// What one operation costs in one process, with every line in its own cache: instructions, not
/// transfers. towbench measures what crosses between cores.

#include <benchmark/benchmark.h>

#include <array>
#include <span>
#include <vector>

#include "fixture.hpp"

namespace {

using towbench::Fixture;
using towbench::Quote;

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

/// Publishing while nobody reads and so many subscribers are there: a look at all of them once in a
/// quarter of the depth. Lossy, so that nobody is waited for.
void publish_past_readers(benchmark::State& state) {
  Fixture fixture(tow::Publishers::one);
  std::vector<tow::Subscriber<Quote>> subscribers;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    subscribers.push_back(fixture.topic().subscriber({.kind = tow::SubscriberKind::lossy}).value());
  }
  for (auto _ : state) {
    if (failed(state, fixture.publisher().publish(Quote{}))) break;
  }
}
BENCHMARK(publish_past_readers)->Arg(0)->Arg(1)->Arg(64);

/// Further handles: bus, topic and both ends. The process is a member of the bus already.
void open_existing(benchmark::State& state) {
  const Fixture fixture(tow::Publishers::many);
  for (auto _ : state) {
    auto topic = tow::Bus::open(fixture.path()).value().topic<Quote>("quotes").value();
    const auto publisher = topic.publisher();
    const auto subscriber = topic.subscriber();
    if (failed(state, publisher) || failed(state, subscriber)) break;
  }
}
BENCHMARK(open_existing)->Unit(benchmark::kMicrosecond);

}  // namespace
