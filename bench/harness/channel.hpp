#pragma once
/// What carries bytes, and how it becomes a link for each experiment.
///
/// A Channel is a class with two ends, both made in the process that uses them:
///
///   Out(Stage&, const Lane&): ready() waits for the other end, or ready(count) for so many;
///   send(bytes) sends a copy, or, where the peer lends memory, send_in_place(size, fill) calls
///   fill(bytes) on it.
///   In(Stage&, const Lane&): take(use) calls use(bytes) on the next message and returns true; if
///   there is none it returns false, at once unless its lane says `block`.
///
/// Out is made first, except by several senders. The channel also says in kBest how its receiver
/// waits best, and in kFewer if it takes long for a message.

#include <sched.h>

#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "fan_in.hpp"
#include "large.hpp"

namespace towbench {

/// What a receiver does while there is no message. `yield` spins too, but offers its core to the
/// threads that the peer has of its own.
enum class Waits { spin, yield, block };

/// The best of them for each kind of experiment, as measured: a receiver that spins takes time from
/// the peer's own threads, or contends for its locks.
struct BestWaits {
  Waits one_way, stream, large;
};

/// One direction in which messages go.
struct Lane {
  std::string_view name;
  std::size_t bytes;  ///< no message is larger
  Waits waits;
};

/// A name that no other stage has.
inline std::string lane_name(const Stage& stage, const Lane& lane) {
  return fmt::format("{}-{}", stage.bus_path().substr(sizeof("/dev/shm/") - 1), lane.name);
}
/// Where a file or a socket of this lane can be; it goes with the stage.
inline std::string lane_path(const Stage& stage, const Lane& lane) {
  std::filesystem::create_directories(stage.bus_path());
  return fmt::format("{}/{}", stage.bus_path(), lane.name);
}

template <class Out>
constexpr bool kLends = requires(Out& out, void (*fill)(std::span<std::byte>)) {
  out.send_in_place(std::size_t{}, fill);
};

template <class Out, class Message>
void send_message(Out& out, const Message& message) {
  if constexpr (kLends<Out>) {
    out.send_in_place(sizeof message, [&](std::span<std::byte> to) {
      std::memcpy(to.data(), &message, sizeof message);
    });
  } else {
    out.send(std::as_bytes(std::span(&message, 1)));
  }
}

[[noreturn]] inline void throw_size(std::size_t bytes, std::size_t expected) {
  throw Failure(fmt::format("{} bytes came instead of {}", bytes, expected));
}

template <class Message>
void read_message(std::span<const std::byte> from, Message& message) {
  if (from.size() != sizeof message) throw_size(from.size(), sizeof message);
  std::memcpy(&message, from.data(), sizeof message);
}

template <class Out>
void await_receivers(Out& out, std::size_t count) {
  if constexpr (requires { out.ready(count); }) {
    out.ready(count);
  } else {
    out.ready();
  }
}

/// For one_way, stream and fan_out.
template <class Channel, std::size_t kBytes, Waits kWaits>
class ChannelLink {
  static constexpr Lane kLane{"there", kBytes, kWaits};

 public:
  static constexpr std::size_t kSendsTogether = 1;
  static constexpr std::size_t kFewer = fewer_messages<Channel>();
  static constexpr bool kGivesWay = kWaits != Waits::spin;
  using Message = Payload<kBytes>;

  class Sender {
   public:
    explicit Sender(Stage& stage) : out_(stage, kLane) {
      message_.words.fill(0);
      message_.number(1);
    }
    void ready(std::size_t receivers = 1) { await_receivers(out_, receivers); }
    void send(std::uint64_t stamp) {
      message_.words[0] = stamp;
      send_message(out_, message_);
      message_.number(++number_ + 1);
    }

   private:
    typename Channel::Out out_;
    Message message_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : in_(stage, kLane) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      const bool taken = in_.take([&](std::span<const std::byte> bytes) {
        read_message(bytes, message_);  // it has arrived when it has been read
        on_arrival(message_.words[0]);
      });
      if (taken) {
        message_.check(++number_);
      } else if (kWaits == Waits::yield) {
        sched_yield();
      }
      return taken;
    }

   private:
    typename Channel::In in_;
    Message message_;
    std::uint64_t number_ = 0;
  };
};

/// For one_way, with large messages.
template <class Channel, std::size_t kBytes, Touch kTouch>
class LargeChannelLink {
  static constexpr Lane kLane{"there", kBytes, Channel::kBest.large};

 public:
  static constexpr bool kGivesWay = kLane.waits != Waits::spin;
  static constexpr std::size_t kMessagesOfSample =
      kTouch == Touch::whole ? large_messages_of_sample(kBytes) : 1000 / fewer_messages<Channel>();

  class Sender {
   public:
    explicit Sender(Stage& stage) : out_(stage, kLane) {
      if (!kLends<typename Channel::Out>) own_.resize(kBytes);
    }
    void ready() { await_receivers(out_, 1); }
    void send(std::uint64_t stamp) {
      ++number_;
      if constexpr (kLends<typename Channel::Out>) {
        out_.send_in_place(
            kBytes, [&](std::span<std::byte> to) { write_large(to, stamp, number_, kTouch); });
      } else {
        write_large(own_, stamp, number_, kTouch);
        out_.send(own_);
      }
    }

   private:
    typename Channel::Out out_;
    std::vector<std::byte> own_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : in_(stage, kLane) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      return in_.take([&](std::span<const std::byte> bytes) {
        if (bytes.size() != kBytes) throw_size(bytes.size(), kBytes);
        read_large(bytes, ++number_, kTouch, on_arrival);
      });
    }

   private:
    typename Channel::In in_;
    std::uint64_t number_ = 0;
  };
};

/// For fan_in.
template <class Channel>
class ReportChannelLink {
  static constexpr Lane kLane{"there", sizeof(Report), Waits::block};

 public:
  static constexpr std::size_t kFewer = fewer_messages<Channel>();

  class Sender {
   public:
    Sender(Stage& stage, std::uint32_t) : out_(stage, kLane) {}
    void ready() { await_receivers(out_, 1); }
    void send(const Report& report) { send_message(out_, report); }

   private:
    typename Channel::Out out_;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : in_(stage, kLane) {}
    bool poll(Report& report) {
      return in_.take([&](std::span<const std::byte> bytes) { read_message(bytes, report); });
    }

   private:
    typename Channel::In in_;
  };
};

/// For asleep.
template <class Channel>
class ChannelSide {
  using Ticket = Payload<48>;
  static constexpr Lane lane(int side) {
    return {side == 0 ? "there" : "back", sizeof(Ticket), Waits::block};
  }

 public:
  ChannelSide(Stage& stage, int side) : out_(stage, lane(side)), in_(stage, lane(1 - side)) {}
  void ready() { await_receivers(out_, 1); }
  void send(std::uint64_t stamp) {
    Ticket ticket;
    ticket.words[0] = stamp;
    ticket.number(++sent_);
    send_message(out_, ticket);
  }
  std::uint64_t receive() {
    Ticket ticket;
    while (!in_.take([&](std::span<const std::byte> bytes) { read_message(bytes, ticket); })) {
    }
    ticket.check(++received_);
    return ticket.words[0];
  }

 private:
  typename Channel::Out out_;
  typename Channel::In in_;
  std::uint64_t sent_ = 0, received_ = 0;
};

}  // namespace towbench
