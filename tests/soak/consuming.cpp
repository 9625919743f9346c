// Lives of a group's consumers, who are killed, and the books of what they settled.

#include "consuming.hpp"

#include <algorithm>

#include "auditing.hpp"
#include "topic_options.hpp"

namespace tow::soak {
namespace {

using namespace std::chrono_literals;

std::string text_of(std::uint64_t sequence) { return "message " + std::to_string(sequence); }

/// What a consumer has to do its work with.
struct Desk {
  Desk(Self& self, const Bus& bus, const Group<Bytes>& group, std::uint32_t prefetch)
      : consumer(group.consumer({.prefetch = prefetch, .spin = 0ns}).value()) {
    if (!self.plan.settles) return;
    // The lanes of the dead come free when their settlements are resolved.
    self.idle();
    results.emplace(open_results(bus, self.plan)->publisher({.take_over_within = 1h}).value());
    self.progress(Step::starting);
  }

  Consumer<Bytes> consumer;
  std::optional<Publisher<Bytes>> results;  ///< it acks by publishing
};

/// Writes into the books what one consumer does with its deliveries.
class Clerk {
 public:
  Clerk(Self& self, Desk& desk) : self_(self), desk_(desk), jobs_(self.log.jobs) {}

  void begin(const Delivery<Bytes>& delivery) {
    const std::uint64_t sequence = delivery.sequence();
    Job* const job = job_of(sequence);
    if (job == nullptr) return;
    if (!read_payload(delivery.bytes())) {
      self_.log.damaged.fetch_add(1);
      self_.log.fault("damaged payload in delivery " + std::to_string(sequence));
    }
    if (job->begun.exchange(1) != 0 && !delivery.redelivered()) {
      self_.log.unflagged.fetch_add(1);
      self_.log.fault(text_of(sequence) + " was begun before and is not flagged");
    }
    if (job->acked.load() != 0) settled_twice(sequence);
    self_.log.deliveries.fetch_add(1, std::memory_order_relaxed);
    if (delivery.redelivered()) self_.log.redeliveries.fetch_add(1, std::memory_order_relaxed);
  }
  /// The last `count` of them, by publishing a result of each where results are wanted. `acking`
  /// says, should it die in between, that nobody can know.
  void ack(std::vector<Delivery<Bytes>>& open, std::size_t count) {
    const std::span<Delivery<Bytes>> all = std::span(open).last(count);
    for (const auto& delivery : all) {
      if (Job* const job = job_of(delivery.sequence())) job->acking.store(1);
    }
    std::vector<std::uint64_t> sequences;
    for (const auto& delivery : all) sequences.push_back(delivery.sequence());
    if (!kept(desk_.results ? publish_and_ack(all) : ack_all(all))) return;
    open.resize(open.size() - count);
    for (const std::uint64_t sequence : sequences) {
      Job* const job = job_of(sequence);
      if (job == nullptr) continue;
      if (job->acked.fetch_add(1) != 0) settled_twice(sequence);
      job->acking.store(0);
    }
  }
  /// Nobody takes a delivery from a consumer that lives: there is no lease, and nobody seeks.
  bool kept(const Result<void>& settled) {
    if (!settled) self_.log.fault("consumer: " + settled.error().message());
    return settled.has_value();
  }

 private:
  Job* job_of(std::uint64_t sequence) const {
    return sequence < kMaxJobs ? &jobs_[sequence] : nullptr;
  }

  static Result<void> ack_all(std::span<Delivery<Bytes>> all) {
    for (auto& delivery : all) {
      if (auto acked = delivery.ack(); !acked) return acked;
    }
    return {};
  }

  Result<void> publish_and_ack(std::span<Delivery<Bytes>> all) {
    Settlement settlement = desk_.consumer.settle(all.front());
    std::vector<std::byte> result(self_.draw(kSmallestPayload, 200));
    for (auto& delivery : all) {
      if (&delivery != &all.front()) settlement.add(delivery).value();
      write_payload(result, 0, delivery.sequence());
      const std::string_view bytes(reinterpret_cast<const char*>(result.data()), result.size());
      if (auto staged = settlement.publish(*desk_.results, bytes); !staged) return staged;
    }
    return settlement.commit();
  }

  void settled_twice(std::uint64_t sequence) {
    self_.log.settled_twice.fetch_add(1);
    self_.log.fault(text_of(sequence) + " was settled before");
  }

  Self& self_;
  Desk& desk_;
  std::array<Job, kMaxJobs>& jobs_;
};

/// The last of those that are open, one way or the other; or several of them.
void settle(Self& self, Clerk& clerk, std::vector<Delivery<Bytes>>& open) {
  const std::uint64_t dice = self.draw(1, 100);
  if (dice <= 92) return clerk.ack(open, self.draw(1, std::min<std::size_t>(open.size(), 4)));
  Delivery<Bytes> delivery = std::move(open.back());
  open.pop_back();
  if (dice <= 95) {
    clerk.kept(delivery.release());
  } else if (dice <= 97) {
    clerk.kept(delivery.retry());
  } else if (dice <= 99) {
    clerk.kept(delivery.retry(std::chrono::microseconds(self.draw(1, 2000))));
  }  // or it ends unsettled
}

void handle_some(Self& self, Desk& desk, std::uint64_t count) {
  Clerk clerk(self, desk);
  std::vector<Delivery<Bytes>> open;
  for (std::uint64_t i = 0; i < count && self.log.publishers_gone.load() == 0; ++i) {
    auto delivery = self.chance(20) ? desk.consumer.try_take() : desk.consumer.take(20ms);
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
      settle(self, clerk, open);
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
      Desk desk(self, bus, group, static_cast<std::uint32_t>(self.draw(1, 16)));
      handle_some(self, desk, self.draw(1, 5000));
      self.progress(Step::ending);
    }
    self.weigh();
  }
}

Result<Group<Bytes>> make_group(const Topic<Bytes>& topic) {
  return topic.group(
      kGroup, {.start = Start::oldest(), .max_attempts = 30, .backoff = 1ms, .max_backoff = 4ms});
}

void close_group(Self& self, const Bus& bus, const Topic<Bytes>& topic) {
  Leaks& leaks = self.log.leaks;
  const auto group = make_group(topic).value();
  leaks.consumers = static_cast<std::uint32_t>(group.info().consumers.size());
  {
    Desk desk(self, bus, group, 8);
    Clerk clerk(self, desk);
    std::vector<Delivery<Bytes>> one;
    constexpr int kMostLooks = 1000;  // what was to be retried later comes within milliseconds
    for (int looks = 0; looks < kMostLooks && group.info().lag != 0; ++looks) {
      while (auto delivery = desk.consumer.take(2ms)) {
        clerk.begin(delivery);
        one.push_back(std::move(delivery));
        clerk.ack(one, 1);
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
