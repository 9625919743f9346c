// Programs as users write them. Whatever they are told by `attacked` is fine as long as it is a
// value; on `quiet` nothing but success is.

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "stage.hpp"
#include "towpath/shm/clock.hpp"
#include "towpath/towpath.hpp"

namespace tow::hostile {
namespace {

using namespace std::chrono_literals;

/// Opens the attacked topic; a damaged one is taken away and made anew, as the errors ask for.
std::optional<Topic<Bytes>> open_attacked(const Victim& self, const Bus& bus) {
  auto topic = bus.topic(kAttacked, attacked_options(self.plan));
  if (topic) return std::move(*topic);
  self.step(true);
  if (topic.error() == Code::too_many || topic.error() == Code::stale) return std::nullopt;
  if (const auto gone = bus.remove_topic(kAttacked); !gone) usleep(1000);
  return std::nullopt;
}

/// Every byte of a message is somebody's memory, and there are no more than there may be.
std::uint64_t read_all(const Victim& self, const Message<Bytes>& message) {
  constexpr std::size_t kMost = (64 << 10) + 256;
  if (message.bytes().size() > kMost || message.key().size() > shm::kMaxKeyBytes) {
    self.log.fault("a message of " + std::to_string(message.bytes().size()) + " bytes");
  }
  std::uint64_t sum = 0;
  for (const std::byte byte : message.bytes()) sum += static_cast<std::uint64_t>(byte);
  for (const char c : message.key()) sum += static_cast<unsigned char>(c);
  return sum + message.sequence() + message.missed();
}

Result<void> publish_something(Victim& self, Publisher<Bytes>& publisher) {
  std::array<std::byte, 9000> bytes{};
  const std::span<const std::byte> all(bytes);
  switch (draw(self.random, 0, 4)) {
    case 0:
      return publisher.publish(all.first(draw(self.random, 0, 48)));
    case 1:
      return publisher.publish(all.first(draw(self.random, 0, 8192)), "some key");
    case 2: {
      auto loan = publisher.loan(draw(self.random, 1, 8192));
      if (!loan) return loan.error();
      loan->fill(std::byte{42});
      if (one_in(self.random, 4)) return {};  // given back
      return publisher.publish(std::move(*loan), one_in(self.random, 2) ? "k" : "");
    }
    default: {
      const std::size_t each = draw(self.random, 1, 200);
      auto done = publisher.publish_batch(all.first(each * draw(self.random, 1, 40)), each);
      if (!done) return done.error();
      return {};
    }
  }
}

std::uint64_t take_something(Victim& self, Subscriber<Bytes>& subscriber, bool& failed) {
  std::uint64_t sum = 0;
  std::vector<Message<Bytes>> held;
  const auto see = [&](const Taken<Bytes>& taken) {
    failed = failed || taken.failed();
    if (taken) sum += read_all(self, taken);
  };
  switch (draw(self.random, 0, 5)) {
    case 0:
      see(subscriber.take(2ms));
      break;
    case 1:
      see(subscriber.latest());
      break;
    case 2: {
      const auto done = subscriber.take_batch(held, draw(self.random, 1, 80), 1ms);
      failed = !done;
      usleep(static_cast<useconds_t>(draw(self.random, 0, 300)));  // what is held changes or not
      for (const auto& message : held) sum += read_all(self, message);
      break;
    }
    case 3: {
      const auto fd = subscriber.fd();
      if (fd) see(subscriber.try_take());
      break;
    }
    default:
      see(subscriber.try_take());
      break;
  }
  return sum + subscriber.lag() + subscriber.lost() + subscriber.gaps();
}

constexpr std::uint64_t kQuietBytes = 200;  // a slot of 256 holds 240

void fill_quiet(std::array<std::uint64_t, kQuietBytes / 8>& words, std::uint64_t number) {
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = number * (i + 1);
}
using QuietWords = std::array<std::uint64_t, kQuietBytes / 8>;
const TopicOptions kQuietOptions{.publishers = Publishers::many, .depth = 48, .slot_bytes = 64};

}  // namespace

void publish_attacked(Victim& self) {
  while (!self.over()) {
    const auto bus = Bus::open(self.plan.bus);
    self.step(!bus);
    if (!bus) usleep(1000);
    for (int turn = 0; bus && turn < 20 && !self.over(); ++turn) {
      const auto topic = open_attacked(self, *bus);
      if (!topic) continue;
      auto publisher = topic->publisher({.wait_at_most = 3ms});
      self.step(!publisher);
      // A publisher that cannot go on is closed and opened anew; now and then even one that can.
      for (int failures = 0, i = 0; publisher && failures < 8 && i < 3000 && !self.over(); ++i) {
        const auto done = publish_something(self, *publisher);
        if (!done) ++failures;
        self.step(!done);
      }
      if (one_in(self.random, 4)) (void)topic->wait_for_subscribers(2, 2ms);
      if (!publisher || one_in(self.random, 8)) (void)bus->remove_topic(kAttacked);
    }
  }
}

void take_attacked(Victim& self) {
  std::uint64_t sum = 0;
  while (!self.over()) {
    const auto bus = Bus::open(self.plan.bus);
    self.step(!bus);
    if (!bus) usleep(1000);
    for (int turn = 0; bus && turn < 20 && !self.over(); ++turn) {
      const auto topic = open_attacked(self, *bus);
      if (!topic) continue;
      SubscriberOptions options{.spin = 20us};
      options.delivery = one_in(self.random, 2) ? Delivery::lossy : Delivery::required;
      options.max_lag = one_in(self.random, 3) ? 20 : 0;
      options.start = one_in(self.random, 2) ? Start::oldest() : Start::last(5);
      auto subscriber = topic->subscriber(options);
      self.step(!subscriber);
      for (int failures = 0, i = 0; subscriber && failures < 30 && i < 2000 && !self.over(); ++i) {
        bool failed = false;
        sum += take_something(self, *subscriber, failed);
        if (failed) ++failures;
        self.step(failed);
      }
    }
  }
  if (sum == 42) self.step();  // nobody may think that the bytes were not read
}

void observe_all(Victim& self) {
  while (!self.over()) {
    const auto bus = Bus::open(self.plan.bus, {.create = false, .observe = true});
    self.step(!bus);
    if (!bus) continue;
    std::uint64_t sum = bus->processes().size();
    for (const std::string& name : bus->topics()) {
      const auto topic = bus->topic_as_bytes(name);
      self.step(!topic);
      if (!topic) continue;
      const TopicInfo info = topic->info();
      sum += info.publishers.size() + info.subscribers.size() + info.last;
      self.step();
      auto observer = topic->observer(Start::oldest());
      for (int i = 0; i < 100; ++i) {
        const auto taken = observer.try_take();
        if (taken) sum += read_all(self, taken);
      }
      (void)observer.take(1ms);
      self.step();
    }
    if (sum == 0) usleep(1000);
  }
}

void publish_quiet(Victim& self) {
  const Bus bus = Bus::open(self.plan.bus).value();
  auto publisher = bus.topic<QuietWords>(kQuiet, kQuietOptions).value().publisher().value();
  QuietWords words;
  while (!self.over() && !self.log.quiet_is_over.load()) {
    const std::uint64_t number = self.log.quiet_published.load() + 1;
    fill_quiet(words, number);
    const auto done = publisher.publish(words);
    if (!done) return self.log.fault("quiet publisher: " + done.error().message());
    if (publisher.last_sequence() != number) return self.log.fault("quiet publisher: a gap");
    self.log.quiet_published.store(number);
    self.step();
    if (number % 8 == 0) usleep(static_cast<useconds_t>(draw(self.random, 0, 300)));
  }
  self.log.quiet_is_out.store(true);
}

void take_quiet(Victim& self) {
  const Bus bus = Bus::open(self.plan.bus).value();
  const auto topic = bus.topic<QuietWords>(kQuiet, kQuietOptions).value();
  auto subscriber = topic.subscriber().value();
  self.step();
  QuietWords expected;
  while (true) {
    const bool last = self.log.quiet_is_out.load() || self.log.faults.load() != 0;
    const auto taken = subscriber.take(20ms);
    self.step();
    if (taken.failed()) return self.log.fault("quiet subscriber: " + taken.error().message());
    if (!taken && last) break;
    if (!taken) continue;
    const std::uint64_t number = self.log.quiet_taken.load() + 1;
    fill_quiet(expected, number);
    if (taken.sequence() != number || *taken != expected) {
      return self.log.fault("quiet subscriber: " + std::to_string(taken.sequence()) +
                            " in place of " + std::to_string(number));
    }
    self.log.quiet_taken.store(number);
  }
}

}  // namespace tow::hostile
