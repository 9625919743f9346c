#pragma once
/// As fast as it goes, with a live reader: from the first send to the last take, a message.

#include "pair.hpp"

namespace towbench {

/// Messages of a burst; a multiple of what a link sends together.
template <class Link>
inline constexpr std::size_t kStreamMessages = 200'000 / fewer_messages<Link>() / 64 * 64;

template <class Link>
void send_streams(Stage& stage, double seconds) {
  typename Link::Sender sender(stage);
  stage.meet(2, 1);
  stage.meet(2, 2);  // the receiver is there
  sender.ready();
  SendingEnd end(stage);
  const auto burst = [&](std::size_t count) {
    stage.began().store(send_ticks());
    for (std::size_t i = 0; i < count; ++i) sender.send(0);
    end.await_answer(gives_way<Link>());
  };
  conduct(stage, seconds, [&] {
    end.send_floor();
    burst(kWarmUpMessages / Link::kSendsTogether * Link::kSendsTogether);
    burst(kStreamMessages<Link>);
    end.send_floor();
  });
  stage.meet(2, 3);
}

template <class Link>
void receive_streams(Stage& stage) {
  stage.meet(2, 1);
  typename Link::Receiver receiver(stage);
  stage.meet(2, 2);
  ReceivingEnd end(stage);
  const auto burst = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Stage::Patience patience(stage);
      while (!receiver.poll([](std::uint64_t) {})) patience.spin();
    }
    const std::uint64_t ended = arrival_ticks();
    end.answer();
    return static_cast<double>(ended - stage.began().load()) * ns_per_tick() /
           static_cast<double>(count);
  };
  follow(stage, [&] {
    const double before = end.receive_floor_ns();
    burst(kWarmUpMessages / Link::kSendsTogether * Link::kSendsTogether);
    const double ns_a_message = burst(kStreamMessages<Link>);
    const double after = end.receive_floor_ns();
    record_sample(stage, before, after, std::span(&ns_a_message, 1));
  });
  stage.meet(2, 3);
}

template <class Link>
std::vector<Sample> stream_samples(const Settings& settings) {
  Stage stage;
  const Role roles[] = {
      {settings.first_core, [&] { send_streams<Link>(stage, settings.seconds); }},
      {settings.second_core, [&] { receive_streams<Link>(stage); }},
  };
  stage.run(roles, settings.seconds + 20);
  return recorded_samples(stage);
}

template <class Link>
Experiment stream(std::string name, std::string what, Subject subject) {
  subject.metric = "stream";
  subject.unit = "ns/message";
  auto run = [subject](const Settings& settings) {
    return summarise(subject, stream_samples<Link>(settings));
  };
  return {std::move(name), std::move(what), true, std::move(run)};
}

}  // namespace towbench
