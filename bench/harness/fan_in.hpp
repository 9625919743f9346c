#pragma once
/// Several senders, one receiver: more processes than cores, so this says nothing about latency,
/// and the floor is only there to label the placement.
///
/// A link for it has Sender(Stage&, which of them): ready(); send(report), and Receiver(Stage&):
/// poll(report), which may wait a while and says whether there was one. Both ends are made in the
/// process that uses them, the receiver's last.

#include <string>

#include "pair.hpp"

namespace towbench {

/// Messages of all senders together.
template <class Link>
inline constexpr std::size_t kFanInMessages = 200'000 / fewer_messages<Link>();

/// 48 B: who sent it, and the how manieth of his it is.
struct Report {
  std::uint64_t sender, number;
  std::array<std::uint64_t, 4> filler;
};

/// Between runs two of the senders, who have a core each, measure the floor: the first sends.
class FloorBetween {
 public:
  FloorBetween(Stage& stage, std::uint32_t self)
      : self_(self), sending_(stage), receiving_(stage) {}
  double measure_ns() {
    if (self_ == 1) return receiving_.receive_floor_ns();
    if (self_ == 0) sending_.send_floor();
    return 0;
  }

 private:
  std::uint32_t self_;
  SendingEnd sending_;
  ReceivingEnd receiving_;
};

struct FanIn {
  std::uint32_t senders;
  double seconds;
  std::size_t messages_each;
  std::uint32_t everybody() const { return senders + 1; }
};

template <class Link>
void send_fan_in(Stage& stage, std::uint32_t self, FanIn size) {
  typename Link::Sender sender(stage, self);
  std::uint32_t round = 0;
  stage.meet(size.everybody(), ++round);
  stage.meet(size.everybody(), ++round);  // the receiver is there
  sender.ready();
  FloorBetween floor(stage, self);
  Report report{self, 0, {}};
  Bursts runs(stage, size.seconds);
  for (;;) {
    stage.meet(size.everybody(), ++round);
    if (Bursts::stopped(stage)) return;
    const double before = floor.measure_ns();
    stage.meet(size.everybody(), ++round);
    const std::uint64_t began = send_ticks();
    for (std::size_t i = 0; i < size.messages_each; ++i) {
      ++report.number;
      sender.send(report);
    }
    stage.meet(size.everybody(), ++round);  // the receiver has them all
    const double after = floor.measure_ns();
    if (self == 0) runs.stop_if_enough();
    if (self != 1) continue;
    const double ticks = static_cast<double>(stage.began().load() - began);
    const double ns_a_message = ticks * ns_per_tick() / kFanInMessages<Link>;
    record_sample(stage, before, after, std::span(&ns_a_message, 1));
  }
}

template <class Link>
void receive_fan_in(Stage& stage, FanIn size) {
  std::uint32_t round = 0;
  stage.meet(size.everybody(), ++round);
  typename Link::Receiver receiver(stage);
  stage.meet(size.everybody(), ++round);
  std::vector<std::uint64_t> numbers(size.senders);
  for (;;) {
    stage.meet(size.everybody(), ++round);
    if (Bursts::stopped(stage)) return;
    stage.meet(size.everybody(), ++round);
    Report report;
    for (std::size_t i = 0; i < size.messages_each * size.senders; ++i) {
      Stage::Patience patience(stage);
      while (!receiver.poll(report)) patience.spin();
      if (report.sender >= size.senders || report.number != ++numbers[report.sender]) {
        throw Failure(
            fmt::format("message {} of sender {} came out of order", report.number, report.sender));
      }
    }
    stage.began().store(arrival_ticks());  // here: when it ended
    stage.meet(size.everybody(), ++round);
  }
}

/// The experiment for so many senders; the subject's topology is set here.
template <class Link>
Experiment fan_in(const std::string& name, Subject subject, std::uint32_t senders) {
  subject.topology = std::to_string(senders) + "to1";
  subject.payload_bytes = sizeof(Report);
  subject.metric = "stream";
  subject.unit = "ns/message";
  auto run = [subject, senders](const Settings& settings) {
    const FanIn size{senders, settings.seconds, kFanInMessages<Link> / senders};
    Stage stage;
    std::vector<Role> roles{{-1, [&] { receive_fan_in<Link>(stage, size); }}};
    for (std::uint32_t self = 0; self < senders; ++self) {
      const int core = self % 2 == 0 ? settings.first_core : settings.second_core;
      roles.push_back({core, [&, self] { send_fan_in<Link>(stage, self, size); }});
    }
    stage.run(roles, settings.seconds + 60);
    return summarise(subject, recorded_samples(stage));
  };
  return {name + '_' + subject.topology,
          std::to_string(senders) + " senders, a receiver wherever there is room", true,
          std::move(run)};
}

}  // namespace towbench
