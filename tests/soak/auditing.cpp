#include "auditing.hpp"

#include <unistd.h>

#include <stdexcept>

#include "topic_options.hpp"
#include "towpath/shm/clock.hpp"

namespace tow::soak {
namespace {

using namespace std::chrono_literals;

constexpr const char* kResults = "results";

void note(SharedLog& log, const Message<Bytes>& result) {
  const auto stamp = read_payload(result.bytes());
  if (!stamp) {
    log.damaged.fetch_add(1);
    return log.fault("result " + std::to_string(result.sequence()) + " is damaged");
  }
  if (result.missed() != 0) {
    log.gaps.fetch_add(result.missed());
    log.fault("results are missing before " + std::to_string(result.sequence()));
  }
  if (stamp->counter < kMaxJobs && log.jobs[stamp->counter].results.fetch_add(1) != 0) {
    log.fault("a second result of message " + std::to_string(stamp->counter));
  }
  log.audited.store(result.sequence());
}

}  // namespace

Result<Topic<Bytes>> open_results(const Bus& bus, const Plan& plan) {
  TopicOptions options = topic_options(plan);
  options.depth = 64;
  // Those of the dead count until their settlements are resolved.
  options.max_publishers = static_cast<std::uint32_t>(4 * plan.consumers + 1);
  return bus.topic(kResults, options);
}

namespace {

void read_results(Self& self) {
  const auto bus = Bus::open(self.plan.bus).value();
  auto subscriber = open_results(bus, self.plan)->subscriber({.start = Start::oldest()}).value();
  self.log.audit_ready.store(1);
  const auto is_last = [&] {
    const std::uint64_t last = self.log.last_result.load();
    return last != 0 && subscriber.next_sequence() > last;
  };
  while (!is_last()) {
    const auto result = subscriber.take(20ms);
    if (result.failed()) throw std::runtime_error(result.error().message());
    self.progress(Step::working);
    if (result) note(self.log, result);
    self.weigh();
  }
}

}  // namespace

void audit(Self& self) {
  read_results(self);
  self.log.audit_done.store(1);  // it has left the bus
}

void close_audit(Self& self, const Bus& bus) {
  {
    const auto results = open_results(bus, self.plan).value();
    self.log.last_result.store(results.last_sequence());
    const std::uint64_t end = shm::monotonic_ns() + self.plan.watchdog_ns;
    while (self.log.audit_done.load() == 0) {
      if (shm::monotonic_ns() > end) return self.log.fault("results are stuck");
      usleep(200);
    }
    const std::uint64_t last = bus.topic("soak", topic_options(self.plan))->last_sequence();
    for (std::uint64_t sequence = 1; sequence <= last && sequence < kMaxJobs; ++sequence) {
      const unsigned count = self.log.jobs[sequence].results.load();
      if (count == 1) continue;
      self.log.leaks.results += 1;
      self.log.fault(std::to_string(count) + " results of message " + std::to_string(sequence));
    }
    for (const PublisherInfo& publisher : results.info().publishers) {
      if (!publisher.process.alive) self.log.leaks.lanes += 1;
    }
  }
  bus.remove_topic(kResults).value();
}

}  // namespace tow::soak
