#pragma once
/// Towpath as a link: a topic of typed messages.

#include <chrono>

#include "bench/harness/link.hpp"
#include "towpath/towpath.hpp"

namespace towbench {

/// What a bench topic is like, as far as it is not the default.
template <std::size_t kBytes, tow::Publishers kPublishers>
tow::Topic<Payload<kBytes>> open_topic(Stage& stage, std::string_view name = "bench",
                                       std::uint64_t depth = 0) {
  const auto bus = tow::Bus::open(stage.bus_path()).value();
  return bus.topic<Payload<kBytes>>(name, {.publishers = kPublishers, .depth = depth}).value();
}

/// How a subscriber looks for messages.
enum class Looks { try_take, take };

/// A topic of typed messages. With `kBatch` above 1, send() collects and publishes so many at a
/// time. `kDepth` 0 is the default.
template <std::size_t kBytes, tow::Publishers kPublishers, Looks kLooks = Looks::try_take,
          std::size_t kBatch = 1, std::uint64_t kDepth = 0>
class TowLink {
  static auto open(Stage& stage) { return open_topic<kBytes, kPublishers>(stage, "bench", kDepth); }

 public:
  using Message = Payload<kBytes>;
  static constexpr std::size_t kSendsTogether = kBatch;

  class Sender {
   public:
    explicit Sender(Stage& stage) : topic_(open(stage)), publisher_(topic_.publisher().value()) {
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
    explicit Receiver(Stage& stage) : subscriber_(open(stage).subscriber().value()) {}
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

}  // namespace towbench
