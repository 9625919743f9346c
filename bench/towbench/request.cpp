/// A request and its reply, both sides spinning, against one way through a topic of many.

#include "bench/harness/pair.hpp"
#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

using namespace std::chrono_literals;

using OneWay = TowLink<48, tow::Publishers::many>;
using Message = OneWay::Message;
constexpr std::size_t kCalls = 1000;
constexpr const char* kService = "service";

void serve(Stage& stage, double seconds) {
  OneWay::Sender sender(stage);
  auto bus = tow::Bus::open(stage.bus_path()).value();
  auto server = bus.server<Message, Message>(kService, {.spin = 1h}).value();
  stage.meet(2, 1);
  stage.meet(2, 2);  // the client is there
  sender.ready();
  SendingEnd end(stage);
  conduct(stage, seconds, [&] {
    end.send_floor();
    end.send_dephased(sender, kWarmUpMessages + kCalls);
    for (std::size_t i = 0; i < kWarmUpMessages + kCalls; ++i) {
      auto request = server.take(20s);
      if (!request) throw Failure("no request came");
      request.reply(*request).value();
    }
    end.send_floor();
  });
  stage.meet(2, 3);
}

/// What `count` calls took, in ticks, warm-up included.
void call_dephased(tow::Client<Message, Message>& client, std::span<std::uint64_t> latencies) {
  Dephase dephase;
  Message message;
  message.words.fill(0);
  std::uint64_t number = 0;
  for (std::uint64_t& latency : latencies) {
    dephase.wait();
    message.number(++number);
    const std::uint64_t began = send_ticks();
    message.words[0] = began;
    const auto reply = client.call(message, 20s).value();
    latency = arrival_ticks() - began;
    reply->check(number);
  }
}

std::vector<double> nanoseconds(std::span<const std::uint64_t> ticks) {
  std::vector<double> ns;
  for (const std::uint64_t tick_count : ticks.subspan(kWarmUpMessages)) {
    ns.push_back(static_cast<double>(tick_count) * ns_per_tick());
  }
  return ns;
}

void ask(Stage& stage) {
  stage.meet(2, 1);  // the server makes what both use
  OneWay::Receiver receiver(stage);
  auto bus = tow::Bus::open(stage.bus_path()).value();
  auto client = bus.client<Message, Message>(kService, {.spin = 1h}).value();
  stage.meet(2, 2);
  ReceivingEnd end(stage);
  std::vector<std::uint64_t> one_way(kWarmUpMessages + kCalls), calls(one_way.size());
  follow(stage, [&] {
    const double before = end.receive_floor_ns();
    end.receive_dephased(receiver, one_way);
    call_dephased(client, calls);
    const double after = end.receive_floor_ns();
    std::vector<double> reference = nanoseconds(one_way);
    record_sample(stage, before, after, nanoseconds(calls), median(reference));
  });
  stage.meet(2, 3);  // neither end goes before the other is done with it
}

std::vector<Row> measure(const Subject& subject, const Settings& settings) {
  Stage stage;
  const Role roles[] = {
      {settings.first_core, [&] { serve(stage, settings.seconds); }},
      {settings.second_core, [&] { ask(stage); }},
  };
  stage.run(roles, settings.seconds + 40);
  return summarise(subject, recorded_samples(stage));
}

}  // namespace

void add_requests(std::vector<Experiment>& all) {
  const Target target{Target::Kind::ratio, 2.6, ""};
  const Subject subject{"towpath", "1to1", 48, "many", "round_trip_vs_one_way", "ns", target};
  all.push_back({"request_48", "48 B request and reply, spinning, against one way", true,
                 [subject](const Settings& settings) { return measure(subject, settings); }});
}

}  // namespace towbench
