#include "children.hpp"

#include <unistd.h>

#include <deque>
#include <exception>
#include <map>
#include <vector>

#include "payload.hpp"
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
    } else if (auto& counter = counters_[stamp->incarnation];
               counter != 0 &&
               (stamp->counter <= counter ||
                (message.missed() == 0 && !missed_ever_ && stamp->counter != counter + 1))) {
      self_.log.duplicates.fetch_add(1);
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

/// Nobody kills it: it sees every message from the first on, and keeps the books.
void observe(Self& self) {
  auto bus = Bus::open(self.plan.bus).value();
  auto topic = bus.topic("soak", topic_options(self.plan)).value();
  auto subscriber = topic.subscriber({.spin = 0ns}).value();
  Follower follower(self);
  self.log.observer_ready.store(1);
  while (true) {
    const bool last_look = self.log.publishers_gone.load() != 0;
    const auto taken = subscriber.take(last_look ? 0ns : 100ms);
    if (self.log.stop_publishing.load() != 0) self.idle();
    if (taken) self.progress(1);  // so its pauses are those of the whole topic
    if (taken.failed()) self.log.fault("observer: " + taken.error().message());
    if (!taken) {
      if (last_look) break;
      if (subscriber.lag() != 0 && !subscriber.ready()) {
        self.log.fault("observer sees a hole at " + std::to_string(subscriber.next_sequence()));
      }
      continue;
    }
    follower.check(taken);
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

/// One life of a publisher: every way of publishing, in random order.
class Life {
 public:
  Life(Self& self, Publisher<Bytes> publisher)
      : self_(self),
        publisher_(std::move(publisher)),
        number_(self.log.next_incarnation.fetch_add(1) % kMaxIncarnations),
        books_(self.log.incarnations[number_]) {}

  void publish_until_told() {
    const std::uint64_t last = self_.chance(20) ? self_.draw(1, 2000) : UINT64_MAX;
    while (self_.log.stop_publishing.load() == 0 && counter_ < last) {
      const std::uint64_t dice = self_.draw(1, 100);
      if (dice <= 45) {
        publish_copy(self_.draw(kSmallestPayload, 48));
      } else if (dice <= 60) {
        publish_copy(self_.draw(49, kLargestPayload));
      } else if (dice <= 75) {
        publish_loan(self_.draw(kSmallestPayload, kLargestPayload));
      } else if (dice <= 95) {
        publish_batch(self_.draw(kSmallestPayload, 48), self_.draw(2, 24));
      } else {
        publish_batch(self_.draw(49, 600), self_.draw(2, 6));
      }
      self_.progress(10);
    }
  }

 private:
  void publish_copy(std::size_t bytes) {
    buffer_.resize(bytes);
    write_payload(buffer_, number_, counter_ + 1);
    books_.attempted.store(counter_ + 1);
    const char* const key = self_.chance(20) ? "key" : "";
    while (!done(publisher_.publish(buffer_, key))) sched_yield();
    books_.published.store(++counter_);
  }

  void publish_loan(std::size_t bytes) {
    while (true) {
      auto loan = publisher_.loan(bytes + 64);
      if (!loan) {
        if (!done(Result<void>(loan.error()))) sched_yield();
        if (self_.log.stop_publishing.load() != 0) return;
        continue;
      }
      if (self_.chance(10)) continue;  // given back unpublished
      loan->shrink(bytes);
      write_payload(loan->bytes(), number_, counter_ + 1);
      books_.attempted.store(counter_ + 1);
      if (done(publisher_.publish(std::move(*loan)))) break;
      sched_yield();
    }
    books_.published.store(++counter_);
  }

  void publish_batch(std::size_t bytes, std::size_t count) {
    buffer_.resize(bytes * count);
    for (std::size_t i = 0; i < count; ++i) {
      write_payload(std::span(buffer_).subspan(i * bytes, bytes), number_, counter_ + 1 + i);
    }
    books_.attempted.store(counter_ + count);
    for (std::size_t sent = 0; sent < count;) {
      const auto rest = std::span<const std::byte>(buffer_).subspan(sent * bytes);
      const auto part = publisher_.publish_batch(rest, bytes);
      sent += part ? *part : 0;
      books_.published.store(counter_ + sent);
      if (!part && !done(Result<void>(part.error()))) sched_yield();
    }
    counter_ += count;
  }

  /// True when it is out; false when the topic was full and it is to be tried again.
  bool done(const Result<void>& result) {
    if (result) return true;
    if (!(result.error() == Code::full)) {
      self_.log.fault("publisher: " + result.error().message());
      _exit(1);
    }
    return false;
  }

  Self& self_;
  Publisher<Bytes> publisher_;
  std::uint32_t number_;
  Incarnation& books_;
  std::uint64_t counter_ = 0;
  std::vector<std::byte> buffer_;
};

void publish(Self& self) {
  auto bus = Bus::open(self.plan.bus).value();
  auto topic = bus.topic("soak", topic_options(self.plan)).value();
  const bool wait = self.chance(80);
  self.idle();  // as a standby
  auto publisher =
      topic.publisher({.when_full = wait ? WhenFull::wait : WhenFull::fail,
                       .wait_at_most = std::chrono::nanoseconds(self.plan.watchdog_ns / 2),
                       .take_over_within = 1h});
  if (!publisher) return self.log.fault("publisher: " + publisher.error().message());
  self.progress(9);
  Life(self, std::move(*publisher)).publish_until_told();
}

SubscriberOptions some_options(Self& self) {
  SubscriberOptions options;
  options.spin = self.chance(20) ? 20us : 0us;
  const std::uint64_t dice = self.draw(1, 100);
  if (dice > 70 && dice <= 90) options.delivery = Delivery::lossy;
  if (dice > 90) options.max_lag = self.draw(4, 16);
  if (self.chance(20)) options.max_held = 1;
  if (self.chance(30)) options.start = Start::oldest();
  if (self.chance(10)) options.start = Start::last(5);
  return options;
}

/// Takes until told to end, keeping some messages in place and checking them again before they go.
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
    self.progress(20);
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
    auto subscriber = topic.subscriber(some_options(self));
    if (!subscriber) return self.log.fault("subscriber: " + subscriber.error().message());
    take_some(self, *subscriber, self.draw(1, 3000));
  }
}

void join_and_leave(Self& self) {
  while (self.log.publishers_gone.load() == 0) {
    auto bus = Bus::open(self.plan.bus);
    if (!bus) return self.log.fault("joiner: " + bus.error().message());
    auto topic = bus->topic("soak", topic_options(self.plan));
    if (!topic) return self.log.fault("joiner: " + topic.error().message());
    const std::uint64_t dice = self.draw(1, 4);
    if (dice == 1) {
      auto publisher = topic->publisher({.when_full = WhenFull::fail});  // or there are enough
    } else if (dice <= 3) {
      auto subscriber = topic->subscriber(some_options(self));
      if (!subscriber) return self.log.fault("joiner: " + subscriber.error().message());
      take_some(self, *subscriber, self.draw(1, 20));
    }
    self.log.joins.fetch_add(1);
    self.progress(30);
  }
}

void repair(Self& self) {
  auto bus = Bus::open(self.plan.bus).value();
  while (self.log.publishers_gone.load() == 0) {
    bus.heal();
    self.progress(40);
    usleep(static_cast<useconds_t>(self.draw(100, 3000)));
  }
}

}  // namespace

int run_child(Self& self, Role role) {
  constexpr void (*kLives[])(Self&) = {observe,        publish, subscribe,
                                       join_and_leave, repair,  check_leaks};
  try {
    self.progress(0);
    kLives[static_cast<std::size_t>(role)](self);
    return 0;
  } catch (const std::exception& failure) {
    self.log.fault(std::string(to_text(role)) + ": " + failure.what());
    return 1;
  }
}

}  // namespace tow::soak
