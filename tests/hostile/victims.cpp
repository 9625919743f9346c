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

std::uint64_t sum_of(std::string_view text) {
  std::uint64_t sum = 0;
  for (const char c : text) sum += static_cast<unsigned char>(c);
  return sum;
}

std::uint64_t read_attributes(const Victim& self, const Message<Bytes>& message) {
  std::uint64_t sum = message.tag_hash() + message.has_tag("tag") + message.expired() +
                      message.expires_at().has_value() + message.due_at().has_value();
  for (const std::string_view text :
       {message.key(), message.correlation_id(), message.reply_topic(), message.content_type()}) {
    if (text.size() > shm::kMaxKeyBytes) self.log.fault("a text that is too long");
    sum += sum_of(text);
  }
  const Headers headers = message.headers();
  if (headers.size() > shm::kMaxHeadersBytes / 3) self.log.fault("too many headers");
  if (message.priority() > shm::kMaxPriority) self.log.fault("a priority above 7");
  for (const auto& [name, value] : headers) {
    sum += sum_of(name) + value.index();
    if (const auto* const text = std::get_if<std::string>(&value)) sum += sum_of(*text);
  }
  return sum;
}

/// Every byte of a message is somebody's memory, and there are no more than there may be.
std::uint64_t read_all(const Victim& self, const Message<Bytes>& message) {
  constexpr std::size_t kMost = (64 << 10) + shm::kMaxFieldBytes;
  if (message.bytes().size() > kMost) {
    self.log.fault("a message of " + std::to_string(message.bytes().size()) + " bytes");
  }
  std::uint64_t sum = read_attributes(self, message);
  for (const std::byte byte : message.bytes()) sum += static_cast<std::uint64_t>(byte);
  return sum + message.sequence() + message.missed();
}

/// Some attributes, few or many; the texts live on.
Attributes some_attributes(Random& random) {
  static const std::string text(255, 't');
  const auto some_text = [&]() -> std::string_view {
    return one_in(random, 2) ? std::string_view() : std::string_view(text).substr(random() % 256);
  };
  Attributes attributes{.key = some_text(),
                        .tag = some_text(),
                        .time_to_live = std::chrono::nanoseconds(draw(random, 0, 1'000'000)),
                        .delay = std::chrono::nanoseconds(draw(random, 0, 1'000'000)),
                        .priority = static_cast<std::uint8_t>(draw(random, 0, 7)),
                        .correlation_id = some_text(),
                        .reply_topic = some_text(),
                        .content_type = some_text()};
  for (std::uint64_t i = draw(random, 0, 4); i != 0; --i) {
    attributes.headers.add("n" + std::to_string(i), std::string(some_text()));
    attributes.headers.add("integer", static_cast<std::int64_t>(random()));
  }
  return attributes;
}

Result<void> publish_something(Victim& self, Publisher<Bytes>& publisher) {
  std::array<std::byte, 9000> bytes{};
  const std::span<const std::byte> all(bytes);
  switch (draw(self.random, 0, 4)) {
    case 0:
      return publisher.publish(all.first(draw(self.random, 0, 48)));
    case 1:
      return publisher.publish(all.first(draw(self.random, 0, 8192)), some_attributes(self.random));
    case 2: {
      auto loan = publisher.loan(draw(self.random, 1, 8192));
      if (!loan) return loan.error();
      loan->fill(std::byte{42});
      if (one_in(self.random, 4)) return {};  // given back
      return publisher.publish(std::move(*loan), some_attributes(self.random));
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
      options.kind = one_in(self.random, 2) ? SubscriberKind::lossy : SubscriberKind::required;
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

namespace {

/// What is taken is settled in some way, or never.
std::uint64_t handle_something(Victim& self, Consumer<Bytes>& consumer, bool& failed) {
  auto delivery = one_in(self.random, 2) ? consumer.take(2ms) : consumer.try_take();
  failed = delivery.failed();
  if (!delivery) return 0;
  const std::uint64_t sum = read_all(self, delivery) + delivery.attempts();
  switch (draw(self.random, 0, 9)) {
    case 0:
      (void)delivery.release();
      break;
    case 1:
      (void)delivery.retry(std::chrono::microseconds(draw(self.random, 0, 500)));
      break;
    case 2:
      (void)delivery.reject("damaged");
      break;
    case 3:
      (void)delivery.renew();
      break;  // and ends unsettled
    default:
      (void)delivery.ack();
      break;
  }
  return sum;
}

}  // namespace

void consume_attacked(Victim& self) {
  std::uint64_t sum = 0;
  while (!self.over()) {
    const auto bus = Bus::open(self.plan.bus);
    self.step(!bus);
    if (!bus) usleep(1000);
    for (int turn = 0; bus && turn < 20 && !self.over(); ++turn) {
      const auto topic = open_attacked(self, *bus);
      if (!topic) continue;
      const auto group = topic->group(kAttackedGroup, attacked_group());
      self.step(!group);
      if (!group) {
        if (!topic->remove_group(kAttackedGroup)) usleep(1000);
        continue;
      }
      auto consumer = group->consumer({.spin = 20us});
      self.step(!consumer);
      for (int failures = 0, i = 0; consumer && failures < 30 && i < 2000 && !self.over(); ++i) {
        bool failed = false;
        sum += handle_something(self, *consumer, failed);
        if (failed) ++failures;
        self.step(failed);
      }
      sum += group->info().lag;
      if (one_in(self.random, 4)) (void)group->seek(SeekTo::time(1ms));
      if (one_in(self.random, 8)) (void)topic->remove_group(kAttackedGroup);
    }
  }
  if (sum == 42) self.step();  // nobody may think that the bytes were not read
}

void consume_quiet(Victim& self) {
  const Bus bus = Bus::open(self.plan.bus).value();
  const auto topic = bus.topic<QuietWords>(kQuiet, kQuietOptions).value();
  const auto group = topic.group(kQuietGroup, {.start = Start::oldest()}).value();
  auto consumer = group.consumer().value();
  self.step();
  QuietWords expected;
  while (true) {
    const bool last = self.log.quiet_is_out.load() || self.log.faults.load() != 0;
    auto delivery = consumer.take(20ms);
    self.step();
    if (delivery.failed()) return self.log.fault("quiet consumer: " + delivery.error().message());
    if (!delivery && last) break;
    if (!delivery) continue;
    const std::uint64_t number = self.log.quiet_settled.load() + 1;
    fill_quiet(expected, number);
    if (delivery.sequence() != number || *delivery != expected || delivery.redelivered()) {
      return self.log.fault("quiet consumer: " + std::to_string(delivery.sequence()) +
                            " in place of " + std::to_string(number));
    }
    if (!delivery.ack()) return self.log.fault("quiet consumer: an ack is refused");
    self.log.quiet_settled.store(number);
  }
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
      for (const std::string& group : topic->groups()) {
        if (const auto opened = topic->group(group, {.create = false})) sum += opened->info().lag;
      }
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
