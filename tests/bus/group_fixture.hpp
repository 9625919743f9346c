#pragma once
/// A topic of numbers with one group, for the tests of groups.

#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/towpath.hpp"

namespace tow::test {

using namespace std::chrono_literals;

class Jobs {
 public:
  explicit Jobs(const TopicOptions& options = {.depth = 64}) : bus_(at_.open()), options_(options) {
    topic_.emplace(bus_.topic<std::uint64_t>("jobs", options).value());
  }

  const TempBus& at() const { return at_; }
  Bus& bus() { return bus_; }
  const Topic<std::uint64_t>& topic() const { return *topic_; }
  Group<std::uint64_t> group(GroupOptions options = {}, const char* name = "workers") {
    options.start = Start::oldest();
    return topic_->group(name, options).value();
  }
  /// Publishes `first` to `last`, each as message of that number while nobody else publishes.
  void publish(std::uint64_t first, std::uint64_t last) {
    if (!publisher_) publisher_.emplace(topic_->publisher().value());
    for (std::uint64_t i = first; i <= last; ++i) publisher_->publish(i).value();
  }
  Publisher<std::uint64_t>& publisher() {
    if (!publisher_) publisher_.emplace(topic_->publisher().value());
    return *publisher_;
  }
  /// For a child: joins the bus and the group on its own.
  Consumer<std::uint64_t> consumer_in_child(const ConsumerOptions& options = {}) const {
    static std::optional<Bus> bus;
    bus.emplace(at_.open());
    return bus->topic<std::uint64_t>("jobs", options_)
        .value()
        .group("workers")
        .value()
        .consumer(options)
        .value();
  }

 private:
  TempBus at_;
  Bus bus_;
  TopicOptions options_;
  std::optional<Topic<std::uint64_t>> topic_;
  std::optional<Publisher<std::uint64_t>> publisher_;
};

/// Takes and acks all that is there now.
inline std::vector<std::uint64_t> drain(Consumer<std::uint64_t>& consumer) {
  std::vector<std::uint64_t> taken;
  while (auto delivery = consumer.try_take()) {
    taken.push_back(*delivery);
    delivery.ack().value();
  }
  return taken;
}

inline std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (; first <= last; ++first) all.push_back(first);
  return all;
}

}  // namespace tow::test
