/// Several publishers of one topic in order.

#include "bench/harness/fan_in.hpp"

#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

class ReportLink {
  static tow::Topic<Report> open(Stage& stage) {
    const auto bus = tow::Bus::open(stage.bus_path()).value();
    return bus.topic<Report>("reports", {.publishers = tow::Publishers::many}).value();
  }

 public:
  class Sender {
   public:
    Sender(Stage& stage, std::uint32_t)
        : topic_(open(stage)), publisher_(topic_.publisher().value()) {}
    void ready() { topic_.wait_for_subscribers(1, std::chrono::seconds(5)).value(); }
    void send(const Report& report) { publisher_.publish(report).value(); }

   private:
    tow::Topic<Report> topic_;
    tow::Publisher<Report> publisher_;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : subscriber_(open(stage).subscriber().value()) {}
    bool poll(Report& report) {
      const auto taken = subscriber_.take(std::chrono::seconds(1));
      if (taken.failed()) throw Failure(taken.error().message());
      if (!taken) return false;
      if (taken.sequence() != ++number_) {
        throw Failure(fmt::format("sequence {} came instead of {}", taken.sequence(), number_));
      }
      report = *taken;
      return true;
    }

   private:
    tow::Subscriber<Report> subscriber_;
    std::uint64_t number_ = 0;
  };
};

}  // namespace

void add_fan_in(std::vector<Experiment>& all) {
  for (const std::uint32_t publishers : {2U, 8U}) {
    all.push_back(
        fan_in<ReportLink>("stream_48", {"towpath", "", 0, "many take()", "", "", {}}, publishers));
  }
}

}  // namespace towbench
