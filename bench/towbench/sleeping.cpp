/// A receiver that sleeps, ping-pong, against the bare futex that any such wake-up rests on.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "pair.hpp"

namespace towbench {
namespace {

constexpr std::size_t kWarmUpTurns = 10;
constexpr std::size_t kTurns = 60;
using Ticket = Payload<48>;

/// A side of the ping-pong: send() throws the ball with its stamp, receive() sleeps until the next
/// one comes and returns its stamp.
class FutexSide {
 public:
  FutexSide(Stage& stage, int side)
      : stage_(stage), out_(stage.futex(side)), in_(stage.futex(1 - side)) {}
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

template <tow::Publishers kPublishers>
class TowSide {
 public:
  TowSide(Stage& stage, int side)
      : out_(open_topic<48, kPublishers>(stage, side == 0 ? "there" : "back")),
        publisher_(out_.publisher().value()),
        subscriber_(open_topic<48, kPublishers>(stage, side == 0 ? "back" : "there")
                        .subscriber({.spin = std::chrono::nanoseconds(0)})
                        .value()) {}
  void ready() { out_.wait_for_subscribers(1, std::chrono::seconds(5)).value(); }
  void send(std::uint64_t stamp) {
    Ticket ticket;
    ticket.words[0] = stamp;
    ticket.number(++sent_);
    publisher_.publish(ticket).value();
  }
  std::uint64_t receive() {
    const auto taken = subscriber_.take(std::chrono::seconds(10));
    if (!taken) throw Failure("a sleeping subscriber was not woken");
    taken->check(++received_);
    if (taken.sequence() != received_) throw Failure("a message is missing");
    return taken->words[0];
  }

 private:
  tow::Topic<Ticket> out_;
  tow::Publisher<Ticket> publisher_;
  tow::Subscriber<Ticket> subscriber_;
  std::uint64_t sent_ = 0, received_ = 0;
};

/// Sends each ball when the receiver has surely fallen asleep, the answer's own wake-up included.
template <class Side>
void serve(Side& side) {
  constexpr std::uint64_t kFallAsleepNs = 100'000;
  Dephase dephase;
  for (std::size_t i = 0; i < kWarmUpTurns + kTurns; ++i) {
    const std::uint64_t until = tow::shm::monotonic_ns() + kFallAsleepNs;
    while (tow::shm::monotonic_ns() < until) {
    }
    dephase.wait();
    side.send(send_ticks());
    side.receive();
  }
}

/// Answers each ball; returns the microseconds that each was on its way.
template <class Side>
std::vector<double> answer(Side& side) {
  std::vector<double> us;
  for (std::size_t i = 0; i < kWarmUpTurns + kTurns; ++i) {
    const std::uint64_t stamp = side.receive();
    const std::uint64_t ticks = arrival_ticks() - stamp;
    if (i >= kWarmUpTurns) us.push_back(static_cast<double>(ticks) * ns_per_tick() / 1000);
    side.send(0);
  }
  return us;
}

template <tow::Publishers kPublishers>
void serve_samples(Stage& stage, double seconds) {
  TowSide<kPublishers> tow_side(stage, 0);
  FutexSide futex_side(stage, 0);
  stage.meet(2, 1);
  tow_side.ready();
  SendingEnd end(stage);
  conduct(stage, seconds, [&] {
    end.send_floor();
    serve(futex_side);
    serve(tow_side);
    serve(futex_side);
    end.send_floor();
  });
  stage.meet(2, 2);
}

template <tow::Publishers kPublishers>
void answer_samples(Stage& stage) {
  TowSide<kPublishers> tow_side(stage, 1);
  FutexSide futex_side(stage, 1);
  stage.meet(2, 1);
  tow_side.ready();
  ReceivingEnd end(stage);
  follow(stage, [&] {
    const double before = end.receive_floor_ns();
    std::vector<double> bare = answer(futex_side);
    const std::vector<double> values = answer(tow_side);
    const std::vector<double> again = answer(futex_side);
    const double after = end.receive_floor_ns();
    bare.insert(bare.end(), again.begin(), again.end());
    record_sample(stage, before, after, values, median(bare));
  });
  stage.meet(2, 2);
}

template <tow::Publishers kPublishers>
std::vector<Row> measure(const Settings& settings) {
  const char* const mode = kPublishers == tow::Publishers::one ? "one" : "many";
  const Subject subject{"pubsub_1to1", 48, mode, "asleep_vs_futex", "us", {}};
  Stage stage;
  const Role roles[] = {
      {settings.first_core, [&] { serve_samples<kPublishers>(stage, settings.seconds); }},
      {settings.second_core, [&] { answer_samples<kPublishers>(stage); }},
  };
  stage.run(roles, settings.seconds + 20);
  return summarise(subject, recorded_samples(stage));
}

}  // namespace

void add_sleeping(std::vector<Experiment>& all) {
  using enum tow::Publishers;
  all.push_back(
      {"asleep_48_one", "receiver asleep (no spin), against a bare futex", true, measure<one>});
  all.push_back({"asleep_48_many", "the same, publishers = many", true, measure<many>});
}

}  // namespace towbench
