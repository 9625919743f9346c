// One life of a publisher.

#include <unistd.h>

#include <vector>

#include "lives.hpp"
#include "topic_options.hpp"

namespace tow::soak {
namespace {

using namespace std::chrono_literals;

/// One life of a publisher: every way of publishing, in random order.
class Life {
 public:
  Life(Self& self, Publisher<Bytes> publisher)
      : self_(self),
        publisher_(std::move(publisher)),
        number_(self.log.next_incarnation.fetch_add(1) % kMaxIncarnations),
        books_(self.log.incarnations[number_]) {}

  /// Until told, or until it has published `most`.
  void publish_until_told(std::uint64_t most) {
    while (self_.log.stop_publishing.load() == 0 && counter_ < most) {
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
      self_.progress(Step::working);
      self_.weigh();
    }
    self_.progress(Step::ending);
  }

 private:
  void publish_copy(std::size_t bytes) {
    buffer_.resize(bytes);
    write_payload(buffer_, number_, counter_ + 1);
    books_.attempted.store(counter_ + 1);
    const char* const key = self_.chance(20) ? "key" : "";
    while (!done(publisher_.publish(buffer_, {.key = key}))) sched_yield();
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

Topic<Bytes> open_topic(const Self& self) {
  auto bus = Bus::open(self.plan.bus).value();
  return bus.topic("soak", topic_options(self.plan)).value();
}

void live(Self& self, const PublisherOptions& options, std::uint64_t most) {
  const auto topic = open_topic(self);
  self.idle();  // as a standby
  auto publisher = topic.publisher(options);
  if (!publisher) return self.log.fault("publisher: " + publisher.error().message());
  self.progress(Step::working);
  Life(self, std::move(*publisher)).publish_until_told(most);
}

PublisherOptions some_options(const Self& self, WhenFull when_full) {
  return {.when_full = when_full,
          .wait_at_most = std::chrono::nanoseconds(self.plan.watchdog_ns / 2),
          .take_over_within = 1h};
}

}  // namespace

void publish(Self& self) {
  const std::uint64_t most = self.chance(20) ? self.draw(1, 2000) : UINT64_MAX;
  live(self, some_options(self, self.chance(80) ? WhenFull::wait : WhenFull::fail), most);
}

void publish_steadily(Self& self) { live(self, some_options(self, WhenFull::wait), UINT64_MAX); }

}  // namespace tow::soak
