#pragma once
/// Where an experiment runs: pinned processes, and the memory that they share to keep in step.

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "towpath/shm/atomic.hpp"

namespace towbench {

/// An experiment that cannot go on: a message missing, doubled or garbled, or a process that died.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One cache line, handed over bare.
struct alignas(tow::shm::kCacheLine) Line {
  std::atomic<std::uint64_t> number;  ///< stored last, with release
  std::atomic<std::uint64_t> stamp;
};

/// One process of an experiment. `core` -1: wherever the kernel puts it.
struct Role {
  int core;
  std::function<void()> body;
};

/// Memory shared by the processes of one experiment, mapped before they are forked. The program
/// itself opens no bus, ever: a forked child could not use it.
class Stage {
 public:
  Stage();
  ~Stage();
  Stage(const Stage&) = delete;

  /// A bus of this stage's own; it exists once a process opens it and is deleted with the stage.
  const std::string& bus_path() const { return bus_path_; }

  /// Forks a process for each role and waits until all have ended. Throws Failure when one of them
  /// does not end well within `seconds`; the others are then killed.
  void run(std::span<const Role> roles, double seconds);

  /// In a role: all of `count` roles have come here for the `round`-th time (from 1).
  void meet(std::uint32_t count, std::uint32_t round);
  /// In a role: spins until `line` shows `number`. One that gives way offers its core to other
  /// threads meanwhile.
  void await(const Line& line, std::uint64_t number, bool gives_way = false) const {
    Patience patience(*this);
    while (line.number.load(std::memory_order_acquire) != number) {
      patience.spin();
      if (gives_way) sched_yield();
    }
  }

  /// Counts a spin; now and then asks whether another role has failed, and throws if so.
  class Patience {
   public:
    explicit Patience(const Stage& stage) : stage_(stage) {}
    void spin() {
      if ((++spins_ & 0xFFFF) == 0) [[unlikely]]
        stage_.throw_if_failed();
    }

   private:
    const Stage& stage_;
    std::uint64_t spins_ = 0;
  };

  /// The line of the `run`-th floor, two runs to a sample. Each sample has another: where a line
  /// lies in memory decides how long it travels (FAR: 240 to 460 ns), and one line for all would
  /// make that chance the floor of the whole experiment.
  Line* floor_line(std::uint64_t run) {
    constexpr std::uint64_t kStep = 67;  // to another page, and another place in it
    return &shared_->floor[run / 2 * kStep % kFloorLines];
  }
  static constexpr std::size_t kRingLines = 1024;
  /// The number of messages that were answered.
  Line& pong() { return shared_->pong.line; }
  /// What the conductor of a run wants next: the number of the sample, or kStop.
  Line& baton() { return shared_->baton.line; }
  static constexpr std::uint64_t kStop = ~0ULL;
  /// When a stream began (or ended), in ticks.
  std::atomic<std::uint64_t>& began() { return shared_->began; }
  /// Of several ends the latest stays in began().
  void ended(std::uint64_t ticks) {
    std::uint64_t seen = shared_->began.load();
    while (seen < ticks && !shared_->began.compare_exchange_weak(seen, ticks)) {
    }
  }
  /// Figures handed from one role to another, between two meetings.
  double& handed(std::size_t which) { return shared_->handed[which]; }
  /// Futex words, two pairs.
  std::atomic<std::uint32_t>& futex(int which) { return shared_->futexes[which].word; }
  std::atomic<std::uint64_t>& futex_stamp() { return shared_->futex_stamp; }
  /// Room for a peer's queue, zero at the beginning.
  std::byte* peer_memory() { return shared_->peer_memory; }
  static constexpr std::size_t kPeerBytes = 1 << 20;
  /// Room for large payloads, untouched at the beginning.
  std::byte* large_memory() { return shared_->large_memory; }
  static constexpr std::size_t kLargeBytes = std::size_t{16} << 20;

  /// Results on their way to the parent: appended by one role, read after run().
  void record(double value);
  std::span<const double> recorded() const;
  bool tape_is_full() const;

 private:
  static constexpr std::size_t kFloorLines = 4096;
  static constexpr std::size_t kTapeLength = std::size_t{8} << 20;
  struct alignas(tow::shm::kFalseSharing) FutexLine {
    std::atomic<std::uint32_t> word;
  };
  struct alignas(tow::shm::kFalseSharing) LoneLine {
    Line line;
  };
  struct Shared {
    LoneLine pong, baton;
    FutexLine futexes[4];
    std::atomic<std::uint64_t> futex_stamp;
    std::atomic<std::uint64_t> began;
    double handed[4];
    alignas(tow::shm::kFalseSharing) std::atomic<std::uint32_t> met;
    alignas(tow::shm::kFalseSharing) std::atomic<std::uint32_t> failed;
    char failure[512];
    alignas(tow::shm::kPage) Line floor[kFloorLines];
    alignas(tow::shm::kPage) std::byte peer_memory[kPeerBytes];
    alignas(tow::shm::kPage) std::byte large_memory[kLargeBytes];
    std::atomic<std::uint64_t> tape_length;
    double tape[kTapeLength];
  };

  void throw_if_failed() const;
  void perform(const Role& role) noexcept;
  void wait_for(std::span<const int> children, double seconds);

  Shared* shared_;
  std::string bus_path_;
};

}  // namespace towbench
