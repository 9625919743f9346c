/// From just before publish() to just after the message has been taken and copied.

#include "pair.hpp"

namespace towbench {
namespace {

constexpr std::size_t kMessages = 1000;

template <class Link>
void send_samples(Stage& stage, double seconds) {
  typename Link::Sender sender(stage);
  stage.meet(2, 1);
  sender.ready();
  SendingEnd end(stage);
  conduct(stage, seconds, [&] {
    end.send_floor();
    end.send_dephased(sender, kWarmUpMessages + kMessages);
    end.send_floor();
  });
  stage.meet(2, 2);
}

template <class Link>
void receive_samples(Stage& stage) {
  stage.meet(2, 1);  // the sender makes what both use
  typename Link::Receiver receiver(stage);
  ReceivingEnd end(stage);
  std::vector<std::uint64_t> latencies(kWarmUpMessages + kMessages);
  std::vector<double> values(kMessages);
  follow(stage, [&] {
    const double before = end.receive_floor_ns();
    end.receive_dephased(receiver, latencies);
    const double after = end.receive_floor_ns();
    for (std::size_t i = 0; i < kMessages; ++i) {
      values[i] = static_cast<double>(latencies[kWarmUpMessages + i]) * ns_per_tick();
    }
    record_sample(stage, before, after, values);
  });
  stage.meet(2, 2);  // neither end goes before the other is done with it
}

template <class Link>
std::vector<Row> measure(const Subject& subject, const Settings& settings) {
  Stage stage;
  const Role roles[] = {
      {settings.first_core, [&] { send_samples<Link>(stage, settings.seconds); }},
      {settings.second_core, [&] { receive_samples<Link>(stage); }},
  };
  stage.run(roles, settings.seconds + 20);
  return summarise(subject, recorded_samples(stage));
}

template <class Link>
Experiment one_way(std::string name, std::string what, Subject subject) {
  subject.metric = "latency";
  subject.unit = "ns";
  auto run = [subject](const Settings& settings) { return measure<Link>(subject, settings); };
  return {std::move(name), std::move(what), true, std::move(run)};
}

Target at_most(double ratio) { return {Target::Kind::ratio, ratio, ""}; }

}  // namespace

void add_one_way(std::vector<Experiment>& all) {
  using enum tow::Publishers;
  all.push_back(one_way<TowLink<48, one>>(
      "one_way_48_one", "48 B one way, publishers = one, receiver spins on try_take",
      {"pubsub_1to1", 48, "one", "", "", at_most(1.15)}));
  all.push_back(one_way<TowLink<48, many>>("one_way_48_many",
                                           "the same, publishers = many, one of them active",
                                           {"pubsub_1to1", 48, "many", "", "", at_most(1.25)}));
  all.push_back(one_way<TowLink<48, one, Looks::take>>(
      "one_way_48_one_take", "48 B one way, receiver waits in take()",
      {"pubsub_1to1", 48, "one take()", "", "", {}}));
  all.push_back(one_way<TowLink<48, many, Looks::take>>(
      "one_way_48_many_take", "48 B one way, many, receiver waits in take()",
      {"pubsub_1to1", 48, "many take()", "", "", {}}));
  all.push_back(one_way<TowLink<8, one>>("one_way_8_one", "8 B one way",
                                         {"pubsub_1to1", 8, "one", "", "", {}}));
  all.push_back(one_way<TowLink<112, one>>("one_way_112_one", "112 B one way, inline in two lines",
                                           {"pubsub_1to1", 112, "one", "", "", {}}));
  all.push_back(one_way<TowLink<1024, one>>("one_way_1024_one", "1 KiB one way, read whole",
                                            {"pubsub_1to1", 1024, "one", "", "", {}}));
  all.push_back(one_way<BareLines<Stage::kRingLines>>(
      "one_way_ring_of_lines", "bare lines in turn, as many as a topic has slots: no protocol",
      {"peer_1to1", 16, "ring of bare lines", "", "", {}}));
  all.push_back(one_way<SpscLink>("one_way_spsc", "peer: boost spsc_queue, elements of 64 B",
                                  {"peer_1to1", 64, "boost spsc_queue", "", "", {}}));
}

}  // namespace towbench
