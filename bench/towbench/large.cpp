/// Large payloads: written in place by the publisher, read in place by the subscriber.

#include "bench/harness/large.hpp"

#include "bench/harness/one_way.hpp"
#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

template <std::size_t kBytes, Touch kTouch>
class LargeTowLink {
 public:
  static constexpr std::size_t kMessagesOfSample =
      kTouch == Touch::whole ? large_messages_of_sample(kBytes) : 1000;

  class Sender {
   public:
    explicit Sender(Stage& stage)
        : line_(*reinterpret_cast<Line*>(stage.peer_memory())),
          topic_(open(stage)),
          publisher_(topic_.publisher().value()) {}
    void ready() { topic_.wait_for_subscribers(1, std::chrono::seconds(5)).value(); }
    void send(std::uint64_t stamp) {
      auto loan = publisher_.loan(kBytes).value();
      ++number_;
      if constexpr (kTouch != Touch::none) write_large(loan.bytes(), stamp, number_, kTouch);
      publisher_.publish(std::move(loan)).value();
      if constexpr (kTouch == Touch::none) LateStamp::write(line_, number_, stamp);
    }

   private:
    Line& line_;
    tow::Topic<> topic_;
    tow::Publisher<> publisher_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage)
        : stage_(stage), subscriber_(open(stage).subscriber().value()) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      const auto taken = subscriber_.try_take();
      if (!taken) return false;
      ++number_;
      if constexpr (kTouch == Touch::none) {
        on_arrival(LateStamp(stage_, *reinterpret_cast<Line*>(stage_.peer_memory()), number_));
        if (taken.sequence() != number_) {
          throw Failure(fmt::format("sequence {} came instead of {}", taken.sequence(), number_));
        }
      } else {
        read_large(taken.bytes(), number_, kTouch, on_arrival);
      }
      return true;
    }

   private:
    Stage& stage_;
    tow::Subscriber<> subscriber_;
    std::uint64_t number_ = 0;
  };

 private:
  static tow::Topic<> open(Stage& stage) {
    const auto bus = tow::Bus::open(stage.bus_path()).value();
    return bus.topic("large", {.publishers = tow::Publishers::one, .max_message_bytes = kBytes})
        .value();
  }
};

constexpr const char* name_of(Touch touch) {
  return touch == Touch::whole ? "whole" : touch == Touch::head ? "head" : "untouched";
}

template <std::size_t kBytes, Touch kTouch>
void add(std::vector<Experiment>& all) {
  const char* const name = name_of(kTouch);
  all.push_back(one_way<LargeTowLink<kBytes, kTouch>>(
      fmt::format("large_{}_{}", kBytes >> 10, name),
      fmt::format("{} KiB in place, what is written and read: {}", kBytes >> 10, name),
      {"towpath", "1to1", kBytes, name, "", "", {}}));
}

template <Touch kTouch>
void add_sizes(std::vector<Experiment>& all) {
  add<64 << 10, kTouch>(all);
  add<1 << 20, kTouch>(all);
  add<8 << 20, kTouch>(all);
}

}  // namespace

void add_large(std::vector<Experiment>& all) {
  add_sizes<Touch::whole>(all);
  add_sizes<Touch::head>(all);
  add_sizes<Touch::none>(all);
}

}  // namespace towbench
