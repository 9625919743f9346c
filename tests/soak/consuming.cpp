// Lives of a group's consumers, who are killed, and the books of what they settled.

#include "consuming.hpp"

#include "topic_options.hpp"

namespace tow::soak {
namespace {

using namespace std::chrono_literals;

std::string text_of(std::uint64_t sequence) { return "message " + std::to_string(sequence); }

/// Writes into the books what one consumer does with its deliveries.
class Clerk {
 public:
  explicit Clerk(Self& self) : self_(self), jobs_(self.log.jobs) {}

  void begin(const Delivery<Bytes>& delivery) {
    const std::uint64_t sequence = delivery.sequence();
    if (sequence >= kMaxJobs) return;
    if (!read_payload(delivery.bytes())) {
      self_.log.damaged.fetch_add(1);
      self_.log.fault("damaged payload in delivery " + std::to_string(sequence));
    }
    Job& job = jobs_[sequence];
    if (job.begun.exchange(1) != 0 && !delivery.redelivered()) {
      self_.log.unflagged.fetch_add(1);
      self_.log.fault(text_of(sequence) + " was begun before and is not flagged");
    }
    if (job.acked.load() != 0) settled_twice(sequence);
    self_.log.deliveries.fetch_add(1, std::memory_order_relaxed);
    if (delivery.redelivered()) self_.log.redeliveries.fetch_add(1, std::memory_order_relaxed);
  }
  /// `acking` says, should it die in between, that nobody can know.
  void ack(Delivery<Bytes>& delivery) {
    const std::uint64_t sequence = delivery.sequence();
    const bool counts = sequence < kMaxJobs;
    if (counts) jobs_[sequence].acking.store(1);
    if (!kept(delivery.ack())) return;
    if (!counts) return;
    if (jobs_[sequence].acked.fetch_add(1) != 0) settled_twice(sequence);
    jobs_[sequence].acking.store(0);
  }
  /// Nobody takes a delivery from a consumer that lives: there is no lease, and nobody seeks.
  bool kept(const Result<void>& settled) {
    if (!settled) self_.log.fault("consumer: " + settled.error().message());
    return settled.has_value();
  }

 private:
  void settled_twice(std::uint64_t sequence) {
    self_.log.settled_twice.fetch_add(1);
    self_.log.fault(text_of(sequence) + " was settled before");
  }

  Self& self_;
  std::array<Job, kMaxJobs>& jobs_;
};

void settle(Self& self, Clerk& clerk, Delivery<Bytes>& delivery) {
  const std::uint64_t dice = self.draw(1, 100);
  if (dice <= 92) {
    clerk.ack(delivery);
  } else if (dice <= 95) {
    clerk.kept(delivery.release());
  } else if (dice <= 97) {
    clerk.kept(delivery.retry());
  } else if (dice <= 99) {
    clerk.kept(delivery.retry(std::chrono::microseconds(self.draw(1, 2000))));
  }  // or it ends unsettled
}

void handle_some(Self& self, Consumer<Bytes>& consumer, std::uint64_t count) {
  Clerk clerk(self);
  std::vector<Delivery<Bytes>> open;
  for (std::uint64_t i = 0; i < count && self.log.publishers_gone.load() == 0; ++i) {
    auto delivery = self.chance(20) ? consumer.try_take() : consumer.take(20ms);
    self.progress(Step::working);
    if (delivery.failed() && !(delivery.error() == Code::too_many)) {
      self.log.fault("consumer: " + delivery.error().message());
      break;
    }
    const bool full = delivery.failed();
    if (delivery) {
      clerk.begin(delivery);
      open.push_back(std::move(delivery));
    }
    // Some are kept a while, and settled in another order.
    while (!open.empty() && (full || self.chance(80))) {
      std::swap(open[self.draw(0, open.size() - 1)], open.back());
      settle(self, clerk, open.back());
      open.pop_back();
      if (full) break;
    }
  }
}

}  // namespace

void consume(Self& self) {
  auto bus = Bus::open(self.plan.bus).value();
  auto topic = bus.topic("soak", topic_options(self.plan)).value();
  const auto group = make_group(topic).value();
  while (self.log.publishers_gone.load() == 0) {
    {
      auto consumer =
          group.consumer({.prefetch = static_cast<std::uint32_t>(self.draw(1, 16)), .spin = 0ns});
      if (!consumer) return self.log.fault("consumer: " + consumer.error().message());
      handle_some(self, *consumer, self.draw(1, 5000));
      self.progress(Step::ending);
    }
    self.weigh();
  }
}

Result<Group<Bytes>> make_group(const Topic<Bytes>& topic) {
  return topic.group(
      kGroup, {.start = Start::oldest(), .max_attempts = 30, .backoff = 1ms, .max_backoff = 4ms});
}

void close_group(Self& self, const Topic<Bytes>& topic) {
  Leaks& leaks = self.log.leaks;
  const auto group = make_group(topic).value();
  leaks.consumers = static_cast<std::uint32_t>(group.info().consumers.size());
  {
    auto consumer = group.consumer({.spin = 0ns}).value();
    Clerk clerk(self);
    constexpr int kMostLooks = 1000;  // what was to be retried later comes within milliseconds
    for (int looks = 0; looks < kMostLooks && group.info().lag != 0; ++looks) {
      while (auto delivery = consumer.take(2ms)) {
        clerk.begin(delivery);
        clerk.ack(delivery);
      }
    }
  }
  const std::uint64_t last = topic.last_sequence();
  const GroupInfo info = group.info();
  if (info.lag != 0 || info.low != last + 1) {
    self.log.fault("the group's low mark is " + std::to_string(info.low) + " of " +
                   std::to_string(last) + ", its lag " + std::to_string(info.lag));
  }
  for (std::uint64_t sequence = 1; sequence <= last && sequence < kMaxJobs; ++sequence) {
    const Job& job = self.log.jobs[sequence];
    if (job.acked.load() != 0 || job.acking.load() != 0) continue;
    leaks.jobs += 1;
    self.log.fault(text_of(sequence) + " is lost to the group");
  }
  topic.remove_group(kGroup).value();
}

}  // namespace tow::soak
