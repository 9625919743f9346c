/// Two publishers, one topic in order, one subscriber: three processes, so on two cores this says
/// nothing about latency, and the floor is only there to label the placement.

#include "bench/harness/pair.hpp"
#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

constexpr std::size_t kMessages = 100'000;
constexpr std::uint32_t kPublishers = 2;

/// 48 B: who sent it, and the how manieth of his it is.
struct Report {
  std::uint64_t publisher, number;
  std::array<std::uint64_t, 4> filler;
};

tow::Topic<Report> open_reports(Stage& stage) {
  const auto bus = tow::Bus::open(stage.bus_path()).value();
  return bus.topic<Report>("reports", {.publishers = tow::Publishers::many}).value();
}

/// Between runs the two publishers, who have a core each, measure the floor: the first sends.
class FloorBetween {
 public:
  FloorBetween(Stage& stage, bool sends) : sends_(sends), sending_(stage), receiving_(stage) {}
  double measure_ns() {
    if (!sends_) return receiving_.receive_floor_ns();
    sending_.send_floor();
    return 0;
  }

 private:
  bool sends_;
  SendingEnd sending_;
  ReceivingEnd receiving_;
};

void publish_runs(Stage& stage, std::uint32_t self, std::size_t runs) {
  const auto topic = open_reports(stage);
  auto publisher = topic.publisher().value();
  topic.wait_for_subscribers(1, std::chrono::seconds(5)).value();
  FloorBetween floor(stage, self == 0);
  Report report{self, 0, {}};
  std::uint32_t round = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    stage.meet(kPublishers + 1, ++round);
    const double before = floor.measure_ns();
    stage.meet(kPublishers + 1, ++round);
    const std::uint64_t began = send_ticks();
    for (std::size_t i = 0; i < kMessages; ++i) {
      ++report.number;
      publisher.publish(report).value();
    }
    stage.meet(kPublishers + 1, ++round);  // the subscriber has them all
    const double after = floor.measure_ns();
    if (self == 0) continue;
    const double ticks = static_cast<double>(stage.began().load() - began);
    const double ns_a_message = ticks * ns_per_tick() / (kPublishers * kMessages);
    record_sample(stage, before, after, std::span(&ns_a_message, 1));
  }
}

void take_runs(Stage& stage, std::size_t runs) {
  auto subscriber = open_reports(stage).subscriber().value();
  std::array<std::uint64_t, kPublishers> numbers{};
  std::uint64_t sequence = 0;
  std::uint32_t round = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    stage.meet(kPublishers + 1, ++round);
    stage.meet(kPublishers + 1, ++round);
    for (std::size_t i = 0; i < kPublishers * kMessages; ++i) {
      const auto taken = subscriber.take(std::chrono::seconds(10));
      if (taken.failed()) throw Failure(taken.error().message());
      if (!taken) throw Failure(fmt::format("nothing came after message {}", sequence));
      if (taken.sequence() != ++sequence || taken->publisher >= kPublishers ||
          taken->number != ++numbers[taken->publisher]) {
        throw Failure(fmt::format("sequence {} or its publisher's number is wrong", sequence));
      }
    }
    stage.began().store(arrival_ticks());  // here: when it ended
    stage.meet(kPublishers + 1, ++round);
  }
}

std::vector<Row> measure(const Settings& settings) {
  const Subject subject{"towpath",    "2to1", sizeof(Report), "many take()", "stream",
                        "ns/message", {}};
  constexpr double kRunsASecond = 12;  // at about 100 ns a message, with the floors
  const auto runs = static_cast<std::size_t>(std::max(3.0, settings.seconds * kRunsASecond));
  Stage stage;
  const Role roles[] = {
      {settings.first_core, [&] { publish_runs(stage, 0, runs); }},
      {settings.second_core, [&] { publish_runs(stage, 1, runs); }},
      {-1, [&] { take_runs(stage, runs); }},
  };
  stage.run(roles, settings.seconds + 60);
  return summarise(subject, recorded_samples(stage));
}

}  // namespace

void add_fan_in(std::vector<Experiment>& all) {
  all.push_back({"stream_48_2to1", "two publishers, one topic, a subscriber wherever there is room",
                 true, measure});
}

}  // namespace towbench
