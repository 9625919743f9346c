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
    explicit Sender(Stage& stage) : topic_(open(stage)), publisher_(topic_.publisher().value()) {}
    void ready() { topic_.wait_for_subscribers(1, std::chrono::seconds(5)).value(); }
    void send(std::uint64_t stamp) {
      auto loan = publisher_.loan(kBytes).value();
      write_large(loan.bytes(), stamp, ++number_, kTouch);
      publisher_.publish(std::move(loan)).value();
    }

   private:
    tow::Topic<> topic_;
    tow::Publisher<> publisher_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : subscriber_(open(stage).subscriber().value()) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      const auto taken = subscriber_.try_take();
      if (!taken) return false;
      read_large(taken.bytes(), ++number_, kTouch, on_arrival);
      return true;
    }

   private:
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

template <std::size_t kBytes, Touch kTouch>
void add(std::vector<Experiment>& all) {
  const bool whole = kTouch == Touch::whole;
  const std::string mode = whole ? "in place, whole" : "in place, untouched";
  all.push_back(one_way<LargeTowLink<kBytes, kTouch>>(
      fmt::format("large_{}_{}", kBytes >> 10, whole ? "whole" : "untouched"),
      fmt::format("{} KiB, {}", kBytes >> 10,
                  whole ? "written and read whole" : "only its head written and read"),
      {"towpath", "1to1", kBytes, mode, "", "", {}}));
}

}  // namespace

void add_large(std::vector<Experiment>& all) {
  add<64 << 10, Touch::whole>(all);
  add<1 << 20, Touch::whole>(all);
  add<8 << 20, Touch::whole>(all);
  add<64 << 10, Touch::head>(all);
  add<1 << 20, Touch::head>(all);
  add<8 << 20, Touch::head>(all);
}

}  // namespace towbench
