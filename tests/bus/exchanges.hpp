#pragma once
/// A bus with queues, for tests of where messages go.

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/temp_bus.hpp"

namespace tow::test {

using Names = std::set<std::string>;

/// A bus with queues, and what arrives in them.
class Exchanges : public testing::Test {
 protected:
  /// Makes a queue and looks at it from now on.
  void queue(const std::string& name, const TopicOptions& options = {.depth = 64}) {
    queues_.insert_or_assign(name, bus_.topic(name, options)
                                       .value()
                                       .subscriber({.spin = std::chrono::nanoseconds(0)})
                                       .value());
  }
  void queues(const std::vector<std::string>& names) {
    for (const std::string& name : names) queue(name);
  }
  /// Queues with something new; each message is the text expected, and each queue has one of it.
  Names arrived(const std::string& text = "m") {
    Names names;
    for (auto& [name, subscriber] : queues_) {
      int count = 0;
      while (auto taken = subscriber.try_take()) {
        EXPECT_EQ(taken.text(), text);
        ++count;
      }
      EXPECT_LE(count, 1) << name << " got a message more than once";
      if (count != 0) names.insert(name);
    }
    return names;
  }
  /// Publishes, and says where it arrived.
  Names route(ExchangePublisher& publisher, const std::string& key, const Headers& headers = {}) {
    const std::size_t reached = publisher.publish(key, "m", {.headers = headers}).value();
    const Names names = arrived();
    EXPECT_EQ(reached, names.size());
    EXPECT_EQ(publisher.reached(), names.size());
    return names;
  }

  TempBus place_;
  Bus bus_ = place_.open();
  std::map<std::string, Subscriber<Bytes>> queues_;
};

}  // namespace tow::test
