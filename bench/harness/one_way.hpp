#pragma once
/// From just before the send to just after the message has been taken and read.

#include <algorithm>

#include "pair.hpp"

namespace towbench {

/// Messages of a sample, warm-up apart. A link of large messages names its own, fewer.
template <class Link>
constexpr std::size_t messages_of_sample() {
  if constexpr (requires { Link::kMessagesOfSample; }) {
    return Link::kMessagesOfSample;
  } else {
    return 1000;
  }
}
template <class Link>
inline constexpr std::size_t kMessages = messages_of_sample<Link>();
template <class Link>
inline constexpr std::size_t kWarmUp = std::min(kWarmUpMessages, kMessages<Link>);

template <class Link>
void send_one_way(Stage& stage, double seconds) {
  typename Link::Sender sender(stage);
  stage.meet(2, 1);
  stage.meet(2, 2);  // the receiver is there
  sender.ready();
  SendingEnd end(stage);
  conduct(stage, seconds, [&] {
    end.send_floor();
    end.send_dephased(sender, kWarmUp<Link> + kMessages<Link>, gives_way<Link>());
    end.send_floor();
  });
  stage.meet(2, 3);
}

template <class Link>
void receive_one_way(Stage& stage) {
  stage.meet(2, 1);  // the sender makes what both use
  typename Link::Receiver receiver(stage);
  stage.meet(2, 2);
  ReceivingEnd end(stage);
  std::vector<std::uint64_t> latencies(kWarmUp<Link> + kMessages<Link>);
  std::vector<double> values(kMessages<Link>);
  follow(stage, [&] {
    const double before = end.receive_floor_ns();
    end.receive_dephased(receiver, latencies);
    const double after = end.receive_floor_ns();
    for (std::size_t i = 0; i < kMessages<Link>; ++i) {
      values[i] = static_cast<double>(latencies[kWarmUp<Link> + i]) * ns_per_tick();
    }
    record_sample(stage, before, after, values);
  });
  stage.meet(2, 3);  // neither end goes before the other is done with it
}

/// In both directions between the two cores, half of the time each.
template <class Link>
std::vector<Row> measure_one_way(const Subject& subject, const Settings& settings) {
  const double seconds = settings.seconds / 2;
  std::vector<Sample> samples;
  for (const bool back : {false, true}) {
    Stage stage;
    const Role roles[] = {
        {back ? settings.second_core : settings.first_core,
         [&] { send_one_way<Link>(stage, seconds); }},
        {back ? settings.first_core : settings.second_core, [&] { receive_one_way<Link>(stage); }},
    };
    stage.run(roles, seconds + 20);
    for (Sample& sample : recorded_samples(stage)) samples.push_back(std::move(sample));
  }
  return summarise(subject, std::move(samples));
}

template <class Link>
Experiment one_way(std::string name, std::string what, Subject subject) {
  subject.metric = "latency";
  subject.unit = "ns";
  auto run = [subject](const Settings& settings) {
    return measure_one_way<Link>(subject, settings);
  };
  return {std::move(name), std::move(what), true, std::move(run)};
}

}  // namespace towbench
