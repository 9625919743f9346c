#pragma once
/// Two pinned processes, one sending, one receiving, that take samples together: floor, warm-up,
/// the measurement itself, floor again.
///
/// Each message is answered by the bare `pong` line before the next is sent, so none queues behind
/// another, and a slow one delays the next instead of hiding in it.

#include <algorithm>
#include <array>
#include <vector>

#include "experiment.hpp"
#include "link.hpp"
#include "stage.hpp"

namespace towbench {

inline constexpr std::size_t kFloorWarmUpMessages = 100;
inline constexpr std::size_t kFloorMessages = 400;
inline constexpr std::size_t kWarmUpMessages = 200;

/// The sending end of a pair and its count of answered messages.
class SendingEnd {
 public:
  explicit SendingEnd(Stage& stage) : stage_(stage), floor_(stage.floor_line(0)) {}

  /// Sends `count` messages, each after a random wait and after the answer to the one before.
  template <class Sender>
  void send_dephased(Sender& sender, std::size_t count, bool gives_way = false) {
    for (std::size_t i = 0; i < count; ++i) {
      dephase_.wait();
      sender.send(send_ticks());
      await_answer(gives_way);
    }
  }
  void send_floor() {
    floor_.move_to(stage_.floor_line(floors_++));
    send_dephased(floor_, kFloorWarmUpMessages + kFloorMessages);
  }
  void await_answer(bool gives_way = false) { stage_.await(stage_.pong(), ++answered_, gives_way); }

 private:
  Stage& stage_;
  Floor::Sender floor_;
  Dephase dephase_;
  std::uint64_t answered_ = 0, floors_ = 0;
};

/// The receiving end; measures in ticks, records in nanoseconds.
class ReceivingEnd {
 public:
  explicit ReceivingEnd(Stage& stage) : stage_(stage), floor_(stage.floor_line(0)) {}

  /// Receives `latencies.size()` messages and says how many ticks each was on its way.
  template <class Receiver>
  void receive_dephased(Receiver& receiver, std::span<std::uint64_t> latencies) {
    for (std::uint64_t& latency : latencies) {
      Stage::Patience patience(stage_);
      // The clock first: a stamp may have to be fetched.
      const auto on_arrival = [&](const auto& stamp) {
        const std::uint64_t now = arrival_ticks();
        latency = now - static_cast<std::uint64_t>(stamp);
      };
      while (!receiver.poll(on_arrival)) patience.spin();
      answer();
    }
  }
  double receive_floor_ns() {
    floor_.move_to(stage_.floor_line(floors_++));
    std::array<std::uint64_t, kFloorWarmUpMessages + kFloorMessages> latencies;
    receive_dephased(floor_, latencies);
    std::array<double, kFloorMessages> ns;
    for (std::size_t i = 0; i < kFloorMessages; ++i) {
      ns[i] = static_cast<double>(latencies[kFloorWarmUpMessages + i]) * ns_per_tick();
    }
    return median(ns);
  }
  void answer() { stage_.pong().number.store(++answered_, std::memory_order_release); }

 private:
  Stage& stage_;
  Floor::Receiver floor_;
  std::uint64_t answered_ = 0, floors_ = 0;
};

/// The sender's loop over samples: it says when each begins and when all are done.
template <class TakeSample>
void conduct(Stage& stage, double seconds, TakeSample&& take_sample) {
  const std::uint64_t until = tow::shm::monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  std::uint64_t sample = 0;
  do {
    stage.baton().number.store(++sample, std::memory_order_release);
    take_sample();
  } while (tow::shm::monotonic_ns() < until && !stage.tape_is_full());
  stage.baton().number.store(Stage::kStop, std::memory_order_release);
}

/// The receiver's loop over samples.
template <class TakeSample>
void follow(Stage& stage, TakeSample&& take_sample) {
  for (std::uint64_t sample = 1;; ++sample) {
    Stage::Patience patience(stage);
    std::uint64_t baton;
    while ((baton = stage.baton().number.load(std::memory_order_acquire)) < sample) patience.spin();
    if (baton == Stage::kStop) return;
    take_sample();
  }
}

/// Ends a run that goes in bursts: at least three, then as many as fit into the time.
class Bursts {
 public:
  Bursts(Stage& stage, double seconds)
      : stage_(stage),
        until_(tow::shm::monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9)) {}
  /// Called by one role after each burst; others see it in stopped() once they have met.
  void stop_if_enough() {
    constexpr std::size_t kLeast = 3;
    if (++taken_ >= kLeast && tow::shm::monotonic_ns() >= until_) {
      stage_.baton().number.store(Stage::kStop, std::memory_order_release);
    }
  }
  static bool stopped(Stage& stage) {
    return stage.baton().number.load(std::memory_order_acquire) == Stage::kStop;
  }

 private:
  Stage& stage_;
  std::uint64_t until_;
  std::size_t taken_ = 0;
};

/// Writes a sample to the stage's tape; the reference is the floor unless given.
void record_sample(Stage& stage, double floor_before, double floor_after,
                   std::span<const double> values, double reference = 0);
std::vector<Sample> recorded_samples(const Stage& stage);

}  // namespace towbench
