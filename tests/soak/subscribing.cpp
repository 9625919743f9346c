// Lives of subscribers: the observer, who keeps the books, and those who are killed.

#include <deque>
#include <map>

#include "consuming.hpp"
#include "lives.hpp"
#include "topic_options.hpp"

namespace tow::soak {
namespace {

using namespace std::chrono_literals;

/// Follows one subscription: no gap, no damage, and each incarnation's messages in order.
class Follower {
 public:
  explicit Follower(Self& self) : self_(self) {}

  void check(const Message<Bytes>& message) {
    if (last_sequence_ != 0 && message.sequence() != last_sequence_ + 1 + message.missed()) {
      self_.log.gaps.fetch_add(1);
      self_.log.fault("gap: " + std::to_string(message.sequence()) + " after " +
                      std::to_string(last_sequence_));
    }
    const auto stamp = read_payload(message.bytes());
    if (!stamp) {
      self_.log.damaged.fetch_add(1);
      self_.log.fault("damaged payload in message " + std::to_string(message.sequence()));
    } else if (!self_.log.agrees(message.sequence(), *stamp)) {
      self_.log.reordered.fetch_add(1);
      self_.log.fault("two readers got different messages " + std::to_string(message.sequence()));
    } else if (auto& counter = counters_[stamp->incarnation];
               counter != 0 &&
               (stamp->counter <= counter ||
                (message.missed() == 0 && !missed_ever_ && stamp->counter != counter + 1))) {
      self_.log.reordered.fetch_add(1);
      self_.log.fault("incarnation " + std::to_string(stamp->incarnation) + ": message " +
                      std::to_string(stamp->counter) + " after " + std::to_string(counter));
    }
    missed_ever_ |= message.missed() != 0;
    last_sequence_ = message.sequence();
    if (stamp) counters_[stamp->incarnation] = stamp->counter;
    self_.log.taken.fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t last_sequence() const { return last_sequence_; }

 private:
  Self& self_;
  std::uint64_t last_sequence_ = 0;
  bool missed_ever_ = false;
  std::map<std::uint32_t, std::uint64_t> counters_;
};

}  // namespace

void observe(Self& self) {
  auto bus = Bus::open(self.plan.bus).value();
  auto topic = bus.topic("soak", topic_options(self.plan)).value();
  auto subscriber = topic.subscriber({.spin = 0ns}).value();
  if (self.plan.consumers != 0) make_group(topic).value();  // before the first message
  Follower follower(self);
  self.log.observer_ready.store(1);
  while (true) {
    const bool last_look = self.log.publishers_gone.load() != 0;
    const auto taken = subscriber.take(last_look ? 0ns : 100ms);
    if (self.log.stop_publishing.load() != 0) self.idle();
    if (taken) self.progress(Step::working);  // so its pauses are those of the whole topic
    if (taken.failed()) self.log.fault("observer: " + taken.error().message());
    if (!taken) {
      if (last_look) break;
      if (subscriber.lag() != 0 && !subscriber.ready()) {
        self.log.fault("observer sees a hole at " + std::to_string(subscriber.next_sequence()));
      }
      continue;
    }
    follower.check(taken);
    self.weigh();
    const auto stamp = read_payload(taken.bytes());
    if (!stamp) continue;
    self.log.observed.fetch_add(1);
    auto& seen = self.log.incarnations[stamp->incarnation % kMaxIncarnations].seen;
    if (stamp->counter != seen.load() + 1) {
      self.log.fault("observer: incarnation " + std::to_string(stamp->incarnation) + " message " +
                     std::to_string(stamp->counter) + " after " + std::to_string(seen.load()));
    }
    seen.store(stamp->counter);
  }
  if (follower.last_sequence() != topic.last_sequence()) {
    self.log.fault("observer ends at " + std::to_string(follower.last_sequence()) + " of " +
                   std::to_string(topic.last_sequence()));
  }
  self.log.observer_done.store(1);
}

SubscriberOptions some_options(Self& self) {
  SubscriberOptions options;
  options.spin = self.chance(20) ? 20us : 0us;
  const std::uint64_t dice = self.draw(1, 100);
  if (dice > 70 && dice <= 90) options.kind = SubscriberKind::lossy;
  if (dice > 90) options.max_lag = self.draw(4, 16);
  if (self.chance(20)) options.max_held = 1;
  if (self.chance(30)) options.start = Start::oldest();
  if (self.chance(10)) options.start = Start::last(5);
  return options;
}

void take_some(Self& self, Subscriber<Bytes>& subscriber, std::uint64_t count) {
  Follower follower(self);
  struct Kept {
    Message<Bytes> message;
    Stamp stamp;
  };
  std::deque<Kept> kept;
  const std::size_t keep = self.chance(40) ? self.draw(1, 3) : 0;
  const auto let_go = [&] {
    const auto stamp = read_payload(kept.front().message.bytes());
    if (!stamp || std::memcmp(&*stamp, &kept.front().stamp, sizeof *stamp) != 0) {
      self.log.damaged.fetch_add(1);
      self.log.fault("message " + std::to_string(kept.front().message.sequence()) +
                     " changed while it was held");
    }
    kept.pop_front();
  };
  for (std::uint64_t i = 0; i < count && self.log.publishers_gone.load() == 0; ++i) {
    auto taken = self.chance(20) ? subscriber.try_take() : subscriber.take(20ms);
    self.progress(Step::working);
    if (taken.failed()) {
      if (!(taken.error() == Code::evicted)) {
        self.log.fault("subscriber: " + taken.error().message());
      }
      self.log.evictions.fetch_add(1);
      break;
    }
    while (kept.size() > (taken ? keep : 0)) let_go();
    if (!taken) continue;
    follower.check(taken);
    const auto stamp = read_payload(taken.bytes());
    if (keep == 0 || !stamp || taken.bytes().size() <= 48) continue;
    kept.push_back({std::move(taken), *stamp});
    self.log.held.fetch_add(1, std::memory_order_relaxed);
  }
  while (!kept.empty()) let_go();
}

void subscribe(Self& self) {
  auto bus = Bus::open(self.plan.bus).value();
  auto topic = bus.topic("soak", topic_options(self.plan)).value();
  while (self.log.publishers_gone.load() == 0) {
    {
      auto subscriber = topic.subscriber(some_options(self));
      if (!subscriber) return self.log.fault("subscriber: " + subscriber.error().message());
      take_some(self, *subscriber, self.draw(1, 3000));
      self.progress(Step::ending);
    }
    self.weigh();
  }
}

}  // namespace tow::soak
