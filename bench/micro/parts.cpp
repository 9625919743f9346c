/// The parts that the hot paths are made of.

#include <benchmark/benchmark.h>

#include <memory>

#include "towpath/shm/clock.hpp"
#include "towpath/shm/histogram.hpp"
#include "towpath/shm/pool.hpp"
#include "towpath/shm/wait.hpp"

namespace {

using namespace tow::shm;

void histogram_record(benchmark::State& state) {
  const auto page = std::make_unique<ReaderLayout>();
  std::uint64_t value = 1;
  for (auto _ : state) {
    record(std::span<Atomic<std::uint64_t>, kHistogramBuckets>(page->latency), value);
    value = (value * 2862933555777941757U + 3037000493U) & 0xFFFFF;
  }
}
BENCHMARK(histogram_record);

void pool_allocate_and_free(benchmark::State& state) {
  PoolMap pool(std::uint64_t{64} << 20);
  const auto bytes = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    const auto block = pool.allocate(bytes);
    benchmark::DoNotOptimize(block->offset);
    pool.free(*block);
  }
}
BENCHMARK(pool_allocate_and_free)->Arg(1024)->Arg(1 << 20);

/// Does anybody sleep? Nobody does; asked after every message.
void wake_check(benchmark::State& state) {
  const auto order = std::make_unique<OrderLayout>();
  const auto board = std::make_unique<BoardLayout>();
  order->doorbell.store(1, kRelaxed);  // relaxed: one thread
  for (auto _ : state) {
    compiler_fence();
    bool wanted = Doorbell::wanted(order->doorbell, board->want);
    benchmark::DoNotOptimize(wanted);
  }
}
BENCHMARK(wake_check);

/// The same as a publisher must do it who cannot rely on its sleepers' barriers.
void wake_check_fenced(benchmark::State& state) {
  const auto order = std::make_unique<OrderLayout>();
  const auto board = std::make_unique<BoardLayout>();
  order->doorbell.store(1, kRelaxed);  // relaxed: one thread
  for (auto _ : state) {
    fence(kSeqCst);
    bool wanted = Doorbell::wanted(order->doorbell, board->want);
    benchmark::DoNotOptimize(wanted);
  }
}
BENCHMARK(wake_check_fenced);

void read_counter(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ticks());
}
BENCHMARK(read_counter);

void read_clock(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(monotonic_ns());
}
BENCHMARK(read_clock);

}  // namespace
