#pragma once
/// One sender, many receivers, each of which takes everything: what a message takes in all, and
/// what it takes of the sender alone. The receivers share one core: this says nothing about
/// latency.

#include <sched.h>

#include <string>

#include "pair.hpp"

namespace towbench {

/// Messages of a burst; fewer when more processes have to be scheduled.
template <class Link>
constexpr std::size_t fan_out_messages(std::size_t receivers) {
  return (receivers <= 2 ? 100'000 : 20'000) / fewer_messages<Link>();
}

template <class Link>
void send_fan_out(Stage& stage, std::size_t receivers, double seconds) {
  const auto all = static_cast<std::uint32_t>(receivers + 1);
  typename Link::Sender sender(stage);
  std::uint32_t round = 0;
  stage.meet(all, ++round);
  stage.meet(all, ++round);  // all receivers are there
  if constexpr (requires { sender.ready(receivers); }) {
    sender.ready(receivers);
  } else {
    sender.ready();
  }
  SendingEnd end(stage);
  const std::size_t count = fan_out_messages<Link>(receivers);
  Bursts bursts(stage, seconds);
  while (!Bursts::stopped(stage)) {
    end.send_floor();
    stage.meet(all, ++round);
    const std::uint64_t began = send_ticks();
    for (std::size_t i = 0; i < count; ++i) sender.send(0);
    const double sending = static_cast<double>(send_ticks() - began);
    stage.meet(all, ++round);  // everybody has everything
    const double whole = static_cast<double>(stage.began().load() - began);
    end.send_floor();
    const double messages = static_cast<double>(count);
    stage.handed(0) = whole * ns_per_tick() / messages;
    stage.handed(1) = sending * ns_per_tick() / messages;
    bursts.stop_if_enough();
    stage.meet(all, ++round);
  }
  stage.meet(all, ++round);
}

/// Each of the receivers; the first also measures the floor and records.
template <class Link>
void receive_fan_out(Stage& stage, std::size_t receivers, bool first) {
  const auto all = static_cast<std::uint32_t>(receivers + 1);
  std::uint32_t round = 0;
  stage.meet(all, ++round);  // the sender makes what all use
  typename Link::Receiver receiver(stage);
  stage.meet(all, ++round);
  ReceivingEnd end(stage);
  const std::size_t count = fan_out_messages<Link>(receivers);
  while (!Bursts::stopped(stage)) {
    const double before = first ? end.receive_floor_ns() : 0;
    stage.meet(all, ++round);
    Stage::Patience patience(stage);
    for (std::size_t i = 0; i < count;) {
      if (receiver.poll([](std::uint64_t) {})) {
        ++i;
      } else {
        patience.spin();
        if (receivers > 1) sched_yield();
      }
    }
    stage.ended(arrival_ticks());
    stage.meet(all, ++round);
    const double after = first ? end.receive_floor_ns() : 0;
    stage.meet(all, ++round);
    const double values[] = {stage.handed(0), stage.handed(1)};
    if (first) record_sample(stage, before, after, values);
  }
  stage.meet(all, ++round);
}

template <class Link>
std::vector<Row> measure_fan_out(Subject subject, std::size_t receivers, const Settings& settings) {
  Stage stage;
  std::vector<Role> roles{
      {settings.first_core, [&] { send_fan_out<Link>(stage, receivers, settings.seconds); }}};
  for (std::size_t i = 0; i < receivers; ++i) {
    roles.push_back(
        {settings.second_core, [&, i] { receive_fan_out<Link>(stage, receivers, i == 0); }});
  }
  stage.run(roles, settings.seconds + 60);
  std::vector<Row> rows;
  const std::vector<Sample> samples = recorded_samples(stage);
  for (const std::size_t which : {0U, 1U}) {
    std::vector<Sample> of_one = samples;
    for (Sample& sample : of_one) sample.values = {sample.values.at(which)};
    subject.metric = which == 0 ? "fan_out" : "publish_cost";
    for (Row& row : summarise(subject, std::move(of_one))) rows.push_back(std::move(row));
  }
  return rows;
}

/// The experiment for so many receivers; the subject's topology is set here.
template <class Link>
Experiment fan_out(std::string name, Subject subject, std::size_t receivers) {
  subject.topology = "1to" + std::to_string(receivers);
  subject.unit = "ns/message";
  auto run = [subject, receivers](const Settings& settings) {
    return measure_fan_out<Link>(subject, receivers, settings);
  };
  return {name + '_' + subject.topology,
          "one sender, each of " + std::to_string(receivers) + " receivers takes everything", true,
          std::move(run)};
}

}  // namespace towbench
