#pragma once
/// The ways by which a message can go from one process to another, all with the same two ends:
///
///   Sender(Stage&): ready() waits for the other end; send(stamp) sends the next message at once.
///   Receiver(Stage&): poll(on_arrival) takes a message if there is one, calls on_arrival(its
///   stamp), then checks that it is the next one and whole, and returns true. Throws Failure if it
///   is not.
///
/// Both ends are made in the process that uses them, the sender's first. A Link is a class that has
/// both. Here: what links send, and the barest of them, the floor.

#include <fmt/format.h>

#include <array>

#include "stage.hpp"

namespace towbench {

/// Words of a message: the stamp of its sending, its number, then words that follow from the
/// number.
template <std::size_t kBytes>
struct Payload {
  std::array<std::uint64_t, kBytes / 8> words;

  void number(std::uint64_t value) {
    for (std::size_t i = 1; i < words.size(); ++i) words[i] = value * (2 * i + 1);
  }
  void check(std::uint64_t value) const {
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (words[i] != value * (2 * i + 1)) {
        throw Failure(fmt::format("message {}: its word {} is wrong", value, i));
      }
    }
  }
};

/// How many times fewer messages than usual a burst has: a link that takes long for each says so in
/// kFewer.
template <class Link>
constexpr std::size_t fewer_messages() {
  if constexpr (requires { Link::kFewer; }) {
    return Link::kFewer;
  } else {
    return 1;
  }
}

/// Whether a sender that awaits an answer leaves its core to others meanwhile: a link whose library
/// has threads of its own says so in kGivesWay.
template <class Link>
constexpr bool gives_way() {
  if constexpr (requires { Link::kGivesWay; }) {
    return Link::kGivesWay;
  } else {
    return false;
  }
}

/// The least that a message can be: a stamp and a number in a bare cache line, each message in the
/// next of `kLines` lines. The floor of all ratios is the strictest: the same line for every
/// message of a sample. What a ring cannot avoid, a new line for each message, shows in the row
/// with as many lines in turn as a topic of the usual depth has slots.
template <std::size_t kLines>
class BareLines {
 public:
  class Sender {
   public:
    explicit Sender(Stage& stage) : Sender(reinterpret_cast<Line*>(stage.peer_memory())) {}
    explicit Sender(Line* lines) : lines_(lines) {}
    void move_to(Line* lines) { lines_ = lines; }
    void ready() {}
    void send(std::uint64_t stamp) {
      Line& line = lines_[++number_ % kLines];
      line.stamp.store(stamp, std::memory_order_relaxed);
      line.number.store(number_, std::memory_order_release);
    }

   private:
    Line* lines_;
    std::uint64_t number_ = 0;
  };
  class Receiver {
   public:
    explicit Receiver(Stage& stage) : Receiver(reinterpret_cast<Line*>(stage.peer_memory())) {}
    explicit Receiver(Line* lines) : lines_(lines) {}
    void move_to(const Line* lines) { lines_ = lines; }
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      const Line& line = lines_[(number_ + 1) % kLines];
      if (line.number.load(std::memory_order_acquire) != number_ + 1) return false;
      on_arrival(line.stamp.load(std::memory_order_relaxed));
      ++number_;
      return true;
    }

   private:
    const Line* lines_;
    std::uint64_t number_ = 0;
  };
};
using Floor = BareLines<1>;

}  // namespace towbench
