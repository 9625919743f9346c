/// A group of two consumers, who take a backlog by turns; and what a group costs its publisher.

#include "bench/harness/pair.hpp"
#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

using Message = Payload<48>;
constexpr std::size_t kBacklog = 1024, kBacklogs = 20;
constexpr std::uint32_t kRun = 8;

/// What a sample is of.
enum class Of { consumers, publisher };

/// Figures that the first consumer, who also publishes, hands to the second.
enum : std::size_t { kTaken, kWithGroup, kWithoutGroup };

struct Workers {
  explicit Workers(Stage& stage)
      : bus(tow::Bus::open(stage.bus_path()).value()),
        topic(bus.topic<Message>("work", {.publishers = tow::Publishers::many, .depth = kBacklog})
                  .value()),
        consumer(topic.group("workers").value().consumer({.prefetch = kRun}).value()),
        alone(bus.topic<Message>("alone", {.publishers = tow::Publishers::many, .depth = kBacklog})
                  .value()) {}

  /// Takes and acks until nothing is left; returns how many it got.
  std::size_t take_all() {
    std::size_t taken = 0;
    for (;; ++taken) {
      auto delivery = consumer.try_take();
      if (!delivery) {
        if (delivery.failed()) throw Failure(delivery.error().message());
        return taken;
      }
      delivery.ack().value();
    }
  }

  tow::Bus bus;
  tow::Topic<Message> topic;
  tow::Consumer<Message> consumer;
  tow::Topic<Message> alone;  ///< has one subscriber, and no group
};

/// Nanoseconds a message.
double publish_backlog(tow::Publisher<Message>& publisher) {
  Message message;
  message.words.fill(0);
  const std::uint64_t began = send_ticks();
  for (std::size_t i = 0; i < kBacklog; ++i) publisher.publish(message).value();
  return static_cast<double>(arrival_ticks() - began) * ns_per_tick() / kBacklog;
}

/// Steps of the two that both count, spinning: a meeting sleeps, for about as long as a backlog
/// takes.
enum : int { kPublished, kFirstDone, kSecondDone };
void say(Stage& stage, int step) { stage.futex(step).fetch_add(1); }
void await(Stage& stage, int step, std::uint32_t number) {
  Stage::Patience patience(stage);
  while (stage.futex(step).load() < number) patience.spin();
}

void publish_and_work(Stage& stage, double seconds) {
  Workers workers(stage);
  auto to_group = workers.topic.publisher().value();
  auto to_subscriber = workers.alone.publisher().value();
  std::uint32_t round = 0;
  stage.meet(2, ++round);
  stage.meet(2, ++round);  // the other consumer is there
  SendingEnd end(stage);
  std::uint32_t backlog = 0;
  conduct(stage, seconds, [&] {
    end.send_floor();
    for (std::size_t i = 0; i < kBacklogs; ++i) {
      stage.handed(kWithoutGroup) = publish_backlog(to_subscriber);
      stage.handed(kWithGroup) = publish_backlog(to_group);
      stage.began().store(send_ticks());
      say(stage, kPublished);
      stage.handed(kTaken) = static_cast<double>(workers.take_all());
      stage.ended(arrival_ticks());
      say(stage, kFirstDone);
      await(stage, kSecondDone, ++backlog);
    }
    end.send_floor();
  });
  stage.meet(2, ++round);
}

void work(Stage& stage, Of of) {
  std::uint32_t round = 0;
  stage.meet(2, ++round);
  Workers workers(stage);
  auto subscriber = workers.alone.subscriber().value();
  stage.meet(2, ++round);
  ReceivingEnd end(stage);
  std::vector<double> values(kBacklogs), references(kBacklogs);
  std::uint32_t backlog = 0;
  follow(stage, [&] {
    const double before = end.receive_floor_ns();
    for (std::size_t i = 0; i < kBacklogs; ++i) {
      await(stage, kPublished, ++backlog);
      const std::uint64_t began = stage.began().load();
      const std::size_t taken = workers.take_all();
      stage.ended(arrival_ticks());
      await(stage, kFirstDone, backlog);
      if (taken + static_cast<std::size_t>(stage.handed(kTaken)) != kBacklog) {
        throw Failure("the consumers have not taken each message once");
      }
      const double ticks = static_cast<double>(stage.began().load() - began);
      values[i] = of == Of::consumers ? ticks * ns_per_tick() / kBacklog : stage.handed(kWithGroup);
      references[i] = stage.handed(kWithoutGroup);
      while (subscriber.try_take()) {
      }
      say(stage, kSecondDone);
    }
    const double after = end.receive_floor_ns();
    record_sample(stage, before, after, values, of == Of::publisher ? median(references) : 0);
  });
  stage.meet(2, ++round);
}

std::vector<Row> measure(const Subject& subject, Of of, const Settings& settings) {
  Stage stage;
  const Role roles[] = {
      {settings.first_core, [&] { publish_and_work(stage, settings.seconds); }},
      {settings.second_core, [&] { work(stage, of); }},
  };
  stage.run(roles, settings.seconds + 40);
  std::vector<Row> rows = summarise(subject, recorded_samples(stage));
  if (of == Of::publisher) return rows;
  for (Row& row : rows) {
    const bool far = row.placement == "FAR";
    row.subject.target = Target{Target::Kind::p50, far ? 80.0 : 30.0, row.placement};
  }
  return rows;
}

}  // namespace

void add_groups(std::vector<Experiment>& all) {
  const Subject consumers{"towpath", "1to2", 48, "group, runs of 8", "take_and_ack", "ns/message"};
  all.push_back({"group_48", "two consumers of a group lease, start and ack a backlog", true,
                 [consumers](const Settings& settings) {
                   return measure(consumers, Of::consumers, settings);
                 }});
  const Subject publisher{"towpath",   "1to2", 48, "many, a group", "publish_vs_no_group",
                          "ns/message"};
  all.push_back({"group_publisher_48", "publishing to a topic with a group, against one without",
                 true, [publisher](const Settings& settings) {
                   return measure(publisher, Of::publisher, settings);
                 }});
}

}  // namespace towbench
