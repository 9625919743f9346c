#pragma once
/// A receiver that sleeps, ping-pong, against the bare futex that any such wake-up rests on.
///
/// A Side is one of the two players: Side(Stage&, 0 or 1); ready() waits for the other; send(stamp)
/// throws the ball; receive() sleeps until the next one comes and returns its stamp.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "pair.hpp"

namespace towbench {

inline constexpr std::size_t kWarmUpTurns = 10;
inline constexpr std::size_t kTurns = 60;

/// The bare mechanism, on one of two pairs of words.
template <int kPair>
class FutexSide {
 public:
  FutexSide(Stage& stage, int side)
      : stage_(stage),
        out_(stage.futex(2 * kPair + side)),
        in_(stage.futex(2 * kPair + 1 - side)) {}
  void ready() {}
  void send(std::uint64_t stamp) {
    stage_.futex_stamp().store(stamp, std::memory_order_relaxed);
    out_.fetch_add(1, std::memory_order_release);
    syscall(SYS_futex, &out_, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }
  std::uint64_t receive() {
    const timespec patience{10, 0};
    while (in_.load(std::memory_order_acquire) == seen_) {
      const long result = syscall(SYS_futex, &in_, FUTEX_WAIT, seen_, &patience, nullptr, 0);
      if (result == -1 && errno == ETIMEDOUT) throw Failure("the bare futex woke nobody");
    }
    ++seen_;
    return stage_.futex_stamp().load(std::memory_order_relaxed);
  }

 private:
  Stage& stage_;
  std::atomic<std::uint32_t>& out_;
  std::atomic<std::uint32_t>& in_;
  std::uint32_t seen_ = 0;
};

/// Sends each ball when the receiver has surely fallen asleep, the answer's own wake-up included.
template <class Player>
void serve(Player& player) {
  constexpr std::uint64_t kFallAsleepNs = 100'000;
  Dephase dephase;
  for (std::size_t i = 0; i < kWarmUpTurns + kTurns; ++i) {
    const std::uint64_t until = tow::shm::monotonic_ns() + kFallAsleepNs;
    while (tow::shm::monotonic_ns() < until) {
    }
    dephase.wait();
    player.send(send_ticks());
    player.receive();
  }
}

/// Answers each ball; returns the microseconds that each was on its way.
template <class Player>
std::vector<double> answer(Player& player) {
  std::vector<double> us;
  for (std::size_t i = 0; i < kWarmUpTurns + kTurns; ++i) {
    const std::uint64_t stamp = player.receive();
    const std::uint64_t ticks = arrival_ticks() - stamp;
    if (i >= kWarmUpTurns) us.push_back(static_cast<double>(ticks) * ns_per_tick() / 1000);
    player.send(0);
  }
  return us;
}

template <class Side>
void serve_samples(Stage& stage, double seconds) {
  Side side(stage, 0);
  FutexSide<0> futex_side(stage, 0);
  stage.meet(2, 1);
  side.ready();
  SendingEnd end(stage);
  conduct(stage, seconds, [&] {
    end.send_floor();
    serve(futex_side);
    serve(side);
    serve(futex_side);
    end.send_floor();
  });
  stage.meet(2, 2);
}

template <class Side>
void answer_samples(Stage& stage) {
  Side side(stage, 1);
  FutexSide<0> futex_side(stage, 1);
  stage.meet(2, 1);
  side.ready();
  ReceivingEnd end(stage);
  follow(stage, [&] {
    const double before = end.receive_floor_ns();
    std::vector<double> bare = answer(futex_side);
    const std::vector<double> values = answer(side);
    const std::vector<double> again = answer(futex_side);
    const double after = end.receive_floor_ns();
    bare.insert(bare.end(), again.begin(), again.end());
    record_sample(stage, before, after, values, median(bare));
  });
  stage.meet(2, 2);
}

template <class Side>
Experiment asleep(std::string name, std::string what, Subject subject) {
  subject.metric = "asleep_vs_futex";
  subject.unit = "us";
  auto run = [subject](const Settings& settings) {
    Stage stage;
    const Role roles[] = {
        {settings.first_core, [&] { serve_samples<Side>(stage, settings.seconds); }},
        {settings.second_core, [&] { answer_samples<Side>(stage); }},
    };
    stage.run(roles, settings.seconds + 20);
    return summarise(subject, recorded_samples(stage));
  };
  return {std::move(name), std::move(what), true, std::move(run)};
}

}  // namespace towbench
