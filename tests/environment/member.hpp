#pragma once
/// A process that is on a bus: what most tests here need of the other side.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/towpath.hpp"

namespace tow::test {

/// Steps of a test that several processes go through together.
struct Steps {
  std::atomic<std::uint64_t> ready{0}, go{0}, published{0}, taken{0}, pid{0};
};

/// A small topic, so that whoever holds it up is noticed soon.
inline Topic<std::uint64_t> small_topic(const std::string& bus, Publishers kind = Publishers::one) {
  return Bus::open(bus)
      .value()
      .topic<std::uint64_t>("numbers", {.publishers = kind, .depth = 16})
      .value();
}

/// A process with a required subscriber that reads nothing and so holds publishers up; `then` runs
/// in it, with the subscriber in place.
inline Child blocker(const std::string& bus, Steps& steps, const std::function<void()>& then) {
  Child child([&bus, &steps, &then] {
    const auto subscriber = small_topic(bus).subscriber().value();
    ++steps.ready;
    then();
  });
  EXPECT_TRUE(eventually([&] { return steps.ready != 0; }));
  return child;
}

/// True when the only process that has joined, dead or alive, lives.
inline bool lives(const Bus& looker) {
  const auto processes = looker.processes();
  return processes.size() == 1 && processes[0].alive;
}
inline bool dead(const Bus& looker) {
  const auto processes = looker.processes();
  return processes.size() == 1 && !processes[0].alive;
}
inline Bus looker_at(const std::string& bus) {
  return Bus::open(bus, {.create = false, .observe = true}).value();
}

/// Publishes more than fits as long as anybody holds the topic up.
inline void expect_nobody_in_the_way(const std::string& bus) {
  auto publisher = small_topic(bus).publisher().value();
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_TRUE(publisher.publish(i));
}

}  // namespace tow::test
