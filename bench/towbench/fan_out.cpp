/// One publisher and many subscribers: what all together do, and what readers cost a publisher.

#include "bench/harness/fan_out.hpp"

#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

constexpr std::size_t kBurst = 256;  ///< fits into the topic: the publisher never waits

/// Publishes bursts that nobody takes meanwhile; between two, all subscribers take them.
void publish_to_idle(Stage& stage, std::size_t subscribers, std::size_t bursts) {
  using Link = TowLink<48, tow::Publishers::one>;
  Link::Sender sender(stage);
  stage.meet(2, 1);
  if (subscribers != 0) sender.ready();
  std::uint32_t round = 1;
  SendingEnd end(stage);
  for (std::size_t burst = 0; burst < bursts; ++burst) {
    end.send_floor();
    const std::uint64_t began = send_ticks();
    for (std::size_t i = 0; i < kBurst; ++i) sender.send(0);
    const double ticks = static_cast<double>(send_ticks() - began);
    stage.handed(0) = ticks * ns_per_tick() / static_cast<double>(kBurst);
    stage.meet(2, ++round);
    stage.meet(2, ++round);  // taken
    end.send_floor();
  }
  stage.meet(2, ++round);
}

void take_between(Stage& stage, std::size_t subscribers, std::size_t bursts) {
  using Link = TowLink<48, tow::Publishers::one>;
  std::vector<Link::Receiver> receivers;
  receivers.reserve(subscribers);
  for (std::size_t i = 0; i < subscribers; ++i) receivers.emplace_back(stage);
  stage.meet(2, 1);
  std::uint32_t round = 1;
  ReceivingEnd end(stage);
  for (std::size_t burst = 0; burst < bursts; ++burst) {
    const double before = end.receive_floor_ns();
    stage.meet(2, ++round);
    for (Link::Receiver& receiver : receivers) {
      for (std::size_t i = 0; i < kBurst; ++i) {
        if (!receiver.poll([](std::uint64_t) {})) throw Failure("a message is missing");
      }
      if (receiver.poll([](std::uint64_t) {})) throw Failure("a message too many");
    }
    const double value = stage.handed(0);
    stage.meet(2, ++round);
    record_sample(stage, before, end.receive_floor_ns(), std::span(&value, 1));
  }
  stage.meet(2, ++round);
}

std::vector<Row> measure_cost(std::size_t subscribers, const Settings& settings) {
  Subject subject{"towpath",
                  fmt::format("1to{}", subscribers),
                  48,
                  "one, subscribers idle",
                  "publish_cost",
                  "ns/message",
                  {}};
  constexpr double kBurstsASecond = 60;
  const auto bursts = static_cast<std::size_t>(std::max(3.0, settings.seconds * kBurstsASecond));
  Stage stage;
  const Role roles[] = {
      {settings.first_core, [&] { publish_to_idle(stage, subscribers, bursts); }},
      {settings.second_core, [&] { take_between(stage, subscribers, bursts); }},
  };
  stage.run(roles, settings.seconds + 60);
  return summarise(subject, recorded_samples(stage));
}

}  // namespace

void add_fan_out(std::vector<Experiment>& all) {
  using enum tow::Publishers;
  for (const std::size_t receivers : {1U, 2U, 16U, 64U}) {
    all.push_back(fan_out<TowLink<48, one>>("fan_out_48_one",
                                            {"towpath", "", 48, "one", "", "", {}}, receivers));
  }
  constexpr std::uint64_t kDeep = 1 << 20;  // 64 MiB of slots: no burst fills it
  for (const std::size_t receivers : {1U, 2U, 16U, 64U}) {
    all.push_back(fan_out<TowLink<48, one, Looks::try_take, 1, kDeep>>(
        "fan_out_48_deep", {"towpath", "", 48, "one, 64 MiB deep", "", "", {}}, receivers));
  }
  for (const std::size_t subscribers : {0U, 1U, 4U, 16U, 64U}) {
    all.push_back(
        {fmt::format("publish_cost_{}", subscribers),
         "what publish() takes while so many subscribers are there and take nothing", true,
         [subscribers](const Settings& settings) { return measure_cost(subscribers, settings); }});
  }
}

}  // namespace towbench
