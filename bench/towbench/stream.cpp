/// As fast as it goes, with a live reader: from the first publish to the last take, a message.

#include "pair.hpp"

namespace towbench {
namespace {

constexpr std::size_t kMessages = 200'000 / 64 * 64;

template <class Link>
void send_streams(Stage& stage, double seconds) {
  typename Link::Sender sender(stage);
  stage.meet(2, 1);
  sender.ready();
  SendingEnd end(stage);
  const auto burst = [&](std::size_t count) {
    stage.began().store(send_ticks());
    for (std::size_t i = 0; i < count; ++i) sender.send(0);
    end.await_answer();
  };
  conduct(stage, seconds, [&] {
    end.send_floor();
    burst(kWarmUpMessages / Link::kSendsTogether * Link::kSendsTogether);
    burst(kMessages);
    end.send_floor();
  });
  stage.meet(2, 2);
}

template <class Link>
void receive_streams(Stage& stage) {
  stage.meet(2, 1);
  typename Link::Receiver receiver(stage);
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
    const double ns_a_message = burst(kMessages);
    const double after = end.receive_floor_ns();
    record_sample(stage, before, after, std::span(&ns_a_message, 1));
  });
  stage.meet(2, 2);
}

template <class Link>
Experiment stream(std::string name, std::string what, Subject subject) {
  subject.metric = "stream";
  subject.unit = "ns/message";
  auto run = [subject](const Settings& settings) {
    Stage stage;
    const Role roles[] = {
        {settings.first_core, [&] { send_streams<Link>(stage, settings.seconds); }},
        {settings.second_core, [&] { receive_streams<Link>(stage); }},
    };
    stage.run(roles, settings.seconds + 20);
    return summarise(subject, recorded_samples(stage));
  };
  return {std::move(name), std::move(what), true, std::move(run)};
}

Target at_most_far(double ns) { return {Target::Kind::p50, ns, "FAR"}; }

}  // namespace

void add_streams(std::vector<Experiment>& all) {
  using enum tow::Publishers;
  all.push_back(stream<TowLink<48, one, Looks::take>>(
      "stream_48_one", "48 B stream, publishers = one, receiver calls take()",
      {"pubsub_1to1", 48, "one take()", "", "", at_most_far(35)}));
  all.push_back(stream<TowLink<48, many, Looks::take>>(
      "stream_48_many", "the same, publishers = many, one of them active",
      {"pubsub_1to1", 48, "many take()", "", "", at_most_far(45)}));
  all.push_back(stream<TowLink<48, one>>("stream_48_one_spin", "receiver spins on try_take",
                                         {"pubsub_1to1", 48, "one", "", "", at_most_far(35)}));
  all.push_back(stream<TowLink<48, many>>("stream_48_many_spin", "receiver spins on try_take",
                                          {"pubsub_1to1", 48, "many", "", "", at_most_far(45)}));
  all.push_back(stream<TowLink<48, one, Looks::take, 64>>(
      "stream_48_one_batch64", "batches of 64 by publish_batch, receiver calls take()",
      {"pubsub_1to1", 48, "one batch 64", "", "", {}}));
  all.push_back(stream<SpscLink>("stream_spsc", "peer: boost spsc_queue, elements of 64 B",
                                 {"peer_1to1", 64, "boost spsc_queue", "", "", {}}));
}

}  // namespace towbench
