#include "roles.hpp"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <stdexcept>
#include <towpath/towpath.hpp>

namespace demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
constexpr std::uint32_t kSubscribers = 3;
/// An empty message with this key follows the last record; no record is empty.
constexpr std::string_view kEnd = "end";

tow::Topic<> packages(const CrashRun& run) {
  auto bus = tow::Bus::open(run.bus_path).value();
  return bus
      .topic("packages", {.publishers = tow::Publishers::one,
                          .max_message_bytes = kMaxRecordBytes + 256,  // and a key
                          .pool_bytes = 2 << 20})
      .value();
}

void report_ready(const CrashRun& run) { run.board->ready.fetch_add(1, std::memory_order_release); }

void publish_from(tow::Publisher<>& publisher, const CrashRun& run, std::size_t first,
                  std::size_t end) {
  const auto& records = run.input.records();
  for (std::size_t i = first; i < end; ++i) {
    publisher.publish(records[i], {.key = section_of(records[i])}).value();
  }
}

/// Gives every message but the end to `use`; throws when the stream stops before.
template <class Use>
void take_all(tow::Subscriber<>& subscriber, Use&& use) {
  for (;;) {
    auto message = subscriber.take(kPatience);
    if (message.failed()) throw tow::BadResult(message.error());
    if (!message) throw std::runtime_error("no message for a minute");
    if (message.bytes().empty() && message.key() == kEnd) return;
    use(message);
  }
}

}  // namespace

int play_publisher(const CrashRun& run) {
  const auto topic = packages(run);
  auto publisher = topic.publisher().value();
  report_ready(run);
  topic.wait_for_subscribers(kSubscribers, kPatience).value();
  while (run.board->go.load(std::memory_order_acquire) == 0) usleep(200);
  publish_from(publisher, run, 0, run.input.records().size() - 1);
  for (;;) pause();
}

int play_standby(const CrashRun& run) {
  const auto topic = packages(run);
  run.board->standby_blocked.store(1, std::memory_order_release);
  report_ready(run);
  auto publisher = topic.publisher({.take_over_within = kPatience}).value();
  const std::uint64_t published = topic.last_sequence();
  run.board->resumed_at.store(published + 1, std::memory_order_release);
  publish_from(publisher, run, published, run.input.records().size());
  publisher.publish(std::string_view(), {.key = kEnd}).value();
  return 0;
}

int play_copy(const CrashRun& run) {
  const auto topic = packages(run);
  auto subscriber = topic.subscriber().value();
  std::ofstream file(run.copy_path, std::ios::binary);
  report_ready(run);
  std::uint64_t count = 0;
  take_all(subscriber, [&](const tow::Message<>& message) {
    if (count < run.input.records().size()) run.taken_ns[count] = now_ns();
    if (message.sequence() != ++count || message.missed() != 0) ++run.board->gaps;
    file.write(message.text().data(), static_cast<std::streamsize>(message.text().size()));
    run.board->copied.store(count, std::memory_order_relaxed);  // only for the progress bar
  });
  const auto own_pid = static_cast<std::uint32_t>(getpid());
  for (const tow::SubscriberInfo& info : topic.info().subscribers) {
    if (info.process.pid != own_pid) continue;
    run.board->gaps += info.gaps + info.lost;
    run.board->p50_ns = static_cast<std::uint64_t>(info.p50_ns);
    run.board->p99_ns = static_cast<std::uint64_t>(info.p99_ns);
  }
  return file.flush() ? 0 : 1;
}

int play_sections(const CrashRun& run) {
  auto subscriber = packages(run).subscriber().value();
  report_ready(run);
  std::map<std::string, std::uint64_t, std::less<>> counts;
  take_all(subscriber, [&](const tow::Message<>& message) {
    const auto found = counts.find(message.key());
    if (found != counts.end()) {
      ++found->second;
    } else {
      counts.emplace(message.key(), 1);
    }
  });
  std::ofstream file(run.sections_path);
  for (const auto& [section, count] : counts) file << count << ' ' << section << '\n';
  return file.flush() ? 0 : 1;
}

int play_victim(const CrashRun& run) {
  auto subscriber = packages(run).subscriber().value();
  report_ready(run);
  take_all(subscriber, [](const tow::Message<>&) {});
  for (;;) pause();
}

}  // namespace demo
