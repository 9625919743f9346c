/// Market data: one publisher, 48-byte quotes that travel inside their slot, and the latency that
/// the subscriber's own histogram shows.
///
///   ticks [FOLDER]     the bus lives in FOLDER, or in a temporary one, and is removed at the end

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <towpath/towpath.hpp>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Quote {
  std::uint64_t instrument;
  std::uint64_t exchange_time_ns;
  double bid, ask;
  std::uint64_t bid_size, ask_size;
};
static_assert(sizeof(Quote) == 48);  // the most that a 64-byte slot carries inline

constexpr std::uint64_t kQuotes = 200'000;
constexpr auto kPeriod = 4us;  // 250,000 quotes a second, so that nothing queues
const tow::TopicOptions kTopic = {.publishers = tow::Publishers::one, .depth = 8192};

void exchange(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto topic = bus.topic<Quote>("quotes", kTopic).value();
  auto publisher = topic.publisher().value();
  topic.wait_for_subscribers(1, 10s).value();
  auto next = Clock::now();
  for (std::uint64_t i = 1; i <= kQuotes; ++i, next += kPeriod) {
    while (Clock::now() < next) continue;
    const double mid = 100 + static_cast<double>(i % 100) / 100;
    publisher.publish({i % 500, i, mid - 0.01, mid + 0.01, 100, 200}).value();
  }
}

bool strategy(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto topic = bus.topic<Quote>("quotes", kTopic).value();
  auto subscriber = topic.subscriber().value();
  std::uint64_t seen = 0, in_order = 0;
  while (seen < kQuotes) {
    auto quote = subscriber.take(10s);
    if (!quote) break;
    ++seen;
    if (quote->exchange_time_ns == seen && quote->bid < quote->ask) ++in_order;
  }
  for (const tow::SubscriberInfo& info : topic.info().subscribers) {
    std::printf("%lu quotes, one way p50 %.2f us, p99 %.2f us (%lu samples), gaps %lu\n", seen,
                info.p50_ns / 1e3, info.p99_ns / 1e3, info.latency_samples, info.gaps);
    if (info.latency_samples == 0) return false;
  }
  return in_order == kQuotes;
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-ticks-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";

  const pid_t child = fork();  // before any bus is opened: each process opens its own
  if (child == 0) {
    exchange(path);
    return 0;
  }
  const bool good = strategy(path);
  int status = 0;
  waitpid(child, &status, 0);

  std::filesystem::remove_all(argc > 1 ? path : folder);
  return good && status == 0 ? 0 : 1;
} catch (const tow::BadResult& bad) {
  std::fprintf(stderr, "ticks: %s\n", bad.what());
  return 1;
}
