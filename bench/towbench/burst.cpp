/// A burst after idleness: the subscriber sleeps in take(), then 64 messages come at once.

#include <time.h>

#include "bench/harness/pair.hpp"
#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

using Link = TowLink<48, tow::Publishers::one, Looks::take>;
constexpr std::size_t kBurst = 64, kBursts = 20;
constexpr timespec kIdle{0, 2'000'000};

void send_bursts(Stage& stage, double seconds) {
  Link::Sender sender(stage);
  stage.meet(2, 1);
  sender.ready();
  SendingEnd end(stage);
  conduct(stage, seconds, [&] {
    end.send_floor();
    for (std::size_t burst = 0; burst < kBursts; ++burst) {
      nanosleep(&kIdle, nullptr);
      for (std::size_t i = 0; i < kBurst; ++i) sender.send(send_ticks());
      end.await_answer();
    }
    end.send_floor();
  });
  stage.meet(2, 2);
}

void receive_bursts(Stage& stage) {
  stage.meet(2, 1);
  Link::Receiver receiver(stage);
  ReceivingEnd end(stage);
  std::vector<double> values(kBursts * kBurst);
  follow(stage, [&] {
    const double before = end.receive_floor_ns();
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::uint64_t ticks = 0;
      const auto on_arrival = [&](std::uint64_t stamp) { ticks = arrival_ticks() - stamp; };
      Stage::Patience patience(stage);
      while (!receiver.poll(on_arrival)) patience.spin();
      values[i] = static_cast<double>(ticks) * ns_per_tick() / 1000;
      if ((i + 1) % kBurst == 0) end.answer();
    }
    record_sample(stage, before, end.receive_floor_ns(), values);
  });
  stage.meet(2, 2);
}

std::vector<Row> measure(const Settings& settings) {
  const Subject subject{"towpath", "1to1", 48, "one take()", "burst_after_idle", "us", {}};
  Stage stage;
  const Role roles[] = {
      {settings.first_core, [&] { send_bursts(stage, settings.seconds); }},
      {settings.second_core, [&] { receive_bursts(stage); }},
  };
  stage.run(roles, settings.seconds + 20);
  std::vector<Row> rows = summarise(subject, recorded_samples(stage));
  for (Row& row : rows) row.floor = row.ratio = 0;  // a floor in ns says nothing here
  return rows;
}

}  // namespace

void add_burst(std::vector<Experiment>& all) {
  all.push_back(
      {"burst_after_idle", "64 messages at once to a sleeping subscriber", true, measure});
}

}  // namespace towbench
