#pragma once
/// The ways by which a message can go from one process to another, all with the same two ends:
///
///   Sender(Stage&): ready() waits for the other end; send(stamp) sends the next message at once.
///   Receiver(Stage&): poll(on_arrival) takes a message if there is one, calls on_arrival(its
///   stamp), then checks that it is the next one and whole, and returns true. Throws Failure if it
///   is not.
///
/// Both ends are made in the process that uses them.

#include <fmt/format.h>

#include <array>
#include <boost/lockfree/spsc_queue.hpp>
#include <chrono>
#include <cstring>
#include <new>

#include "stage.hpp"
#include "towpath/towpath.hpp"

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

/// What a bench topic is like, as far as it is not the default.
template <std::size_t kBytes, tow::Publishers kPublishers>
tow::Topic<Payload<kBytes>> open_topic(Stage& stage, std::string_view name = "bench") {
  const auto bus = tow::Bus::open(stage.bus_path()).value();
  return bus.topic<Payload<kBytes>>(name, {.publishers = kPublishers}).value();
}

/// How a subscriber looks for messages.
enum class Looks { try_take, take };

/// A topic of typed messages. With `kBatch` above 1, send() collects and publishes so many at a
/// time.
template <std::size_t kBytes, tow::Publishers kPublishers, Looks kLooks = Looks::try_take,
          std::size_t kBatch = 1>
class TowLink {
 public:
  using Message = Payload<kBytes>;
  static constexpr std::size_t kSendsTogether = kBatch;

  class Sender {
   public:
    explicit Sender(Stage& stage)
        : topic_(open_topic<kBytes, kPublishers>(stage)), publisher_(topic_.publisher().value()) {
      for (Message& message : messages_) message.words.fill(0);
    }
    void ready() {
      topic_.wait_for_subscribers(1, std::chrono::seconds(5)).value();
      prepare();
    }
    void send(std::uint64_t stamp) {
      messages_[filled_].words[0] = stamp;
      if constexpr (kBatch == 1) {
        publisher_.publish(messages_[0]).value();
      } else if (++filled_ == kBatch) {
        publisher_.publish_batch(messages_).value();
        filled_ = 0;
      }
      ++number_;
      prepare();
    }

   private:
    void prepare() { messages_[filled_].number(number_ + 1); }
    tow::Topic<Message> topic_;
    tow::Publisher<Message> publisher_;
    std::array<Message, kBatch> messages_;
    std::size_t filled_ = 0;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage)
        : subscriber_(open_topic<kBytes, kPublishers>(stage).subscriber().value()) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      auto taken = look();
      if (!taken) [[unlikely]] {
        if (taken.failed()) throw Failure(taken.error().message());
        return false;
      }
      if constexpr (kBytes > tow::shm::kMaxInlineBytes) {
        copy_ = *taken;  // it has arrived when it has been read
        on_arrival(copy_.words[0]);
        copy_.check(number_ + 1);
      } else {
        on_arrival(taken->words[0]);
        taken->check(number_ + 1);
      }
      if (taken.sequence() != ++number_) {
        throw Failure(fmt::format("sequence {} came instead of {}", taken.sequence(), number_));
      }
      return true;
    }

   private:
    auto look() {
      if constexpr (kLooks == Looks::take) {
        return subscriber_.take(std::chrono::milliseconds(100));
      } else {
        return subscriber_.try_take();
      }
    }
    tow::Subscriber<Message> subscriber_;
    Message copy_;
    std::uint64_t number_ = 0;
  };
};

/// Boost's queue of elements of 64 bytes between two processes: no bus, no death, one to one.
class SpscLink {
 public:
  static constexpr std::size_t kSendsTogether = 1;
  static constexpr std::size_t kDepth = 1024;
  using Message = Payload<64>;
  using Queue = boost::lockfree::spsc_queue<Message, boost::lockfree::capacity<kDepth>>;
  static_assert(sizeof(Queue) <= Stage::kPeerBytes);

  class Sender {
   public:
    explicit Sender(Stage& stage) : stage_(stage), queue_(new (stage.peer_memory()) Queue) {
      message_.words.fill(0);
      message_.number(1);
    }
    void ready() {}
    void send(std::uint64_t stamp) {
      message_.words[0] = stamp;
      if (!queue_->push(message_)) [[unlikely]] {
        Stage::Patience patience(stage_);
        while (!queue_->push(message_)) patience.spin();
      }
      message_.number(++number_ + 1);
    }

   private:
    Stage& stage_;
    Queue* queue_;
    Message message_;
    std::uint64_t number_ = 0;
  };
  class Receiver {
   public:
    explicit Receiver(Stage& stage) : queue_(reinterpret_cast<Queue*>(stage.peer_memory())) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      Message message;
      if (!queue_->pop(message)) return false;
      on_arrival(message.words[0]);
      message.check(++number_);
      return true;
    }

   private:
    Queue* queue_;
    std::uint64_t number_ = 0;
  };
};

}  // namespace towbench
