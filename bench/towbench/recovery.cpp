/// How long a survivor waits for a process that was killed, without a supervisor.

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness/stage.hpp"
#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

using enum tow::Publishers;
constexpr std::size_t kRounds = 10;
using Waiting = void (*)(Stage&);

void nap(long ms) {
  const timespec time{0, ms * 1'000'000};
  nanosleep(&time, nullptr);
}
void sleep_until(Stage& stage, const Line& line, std::uint64_t number) {
  Stage::Patience patience(stage);
  for (; line.number.load() < number; nap(1)) patience.spin();
}

/// A required subscriber that reads nothing.
void hold_up(Stage& stage) {
  const auto subscriber = open_topic<48, one>(stage).subscriber().value();
  while (true) pause();
}
/// A publisher that publishes now and then, from the time that the line shows its round.
void publish_on(Stage& stage) {
  auto publisher = open_topic<48, one>(stage).publisher().value();
  publisher.publish({}).value();
  stage.baton().number.fetch_add(1);
  for (;; nap(1)) publisher.publish({}).value();
}

/// In each round starts a victim, waits until the survivor waits for it, and kills it. This process
/// has no bus open, so it may fork.
void kill_in_rounds(Stage& stage, Waiting victim_body) {
  constexpr long kSettleMs = 20;
  for (std::size_t round = 1; round <= kRounds; ++round) {
    const pid_t victim = fork();
    if (victim == 0) {
      try {
        victim_body(stage);
      } catch (const std::exception&) {
        _exit(1);
      }
    }
    sleep_until(stage, stage.baton(), round);
    nap(kSettleMs);
    stage.began().store(send_ticks());
    if (kill(victim, SIGKILL) != 0 || waitpid(victim, nullptr, 0) != victim) {
      throw Failure("the victim was gone already");
    }
    sleep_until(stage, stage.pong(), round);
  }
}

void record_wait(Stage& stage, std::size_t round) {
  const std::uint64_t ticks = arrival_ticks() - stage.began().load();
  stage.record(static_cast<double>(ticks) * ns_per_tick() / 1e6);
  stage.pong().number.store(round);
}

/// The publisher that finds the topic full because of the victim.
void wait_for_room(Stage& stage) {
  const auto topic = open_topic<48, one>(stage);
  for (std::size_t round = 1; round <= kRounds; ++round) {
    topic.wait_for_subscribers(1, std::chrono::seconds(5)).value();
    {
      auto filler = topic.publisher({.when_full = tow::WhenFull::fail}).value();
      while (filler.publish({})) {
      }
    }
    auto publisher = topic.publisher().value();
    stage.baton().number.store(round);
    publisher.publish({}).value();
    record_wait(stage, round);
  }
}

/// The standby that takes over from the victim.
void stand_by(Stage& stage) {
  const auto topic = open_topic<48, one>(stage);
  for (std::size_t round = 1; round <= kRounds; ++round) {
    sleep_until(stage, stage.baton(), round);
    auto publisher = topic.publisher({.take_over_within = std::chrono::seconds(10)}).value();
    publisher.publish({}).value();
    record_wait(stage, round);
  }
}

std::vector<Row> measure(const char* mode, Waiting victim, Waiting survivor,
                         const Settings& settings) {
  const Subject subject{
      "towpath", "1to1", 48, mode, "recovery", "ms", Target{Target::Kind::p50, 60, ""}};
  Stage stage;
  const Role roles[] = {
      {settings.first_core, [&] { survivor(stage); }},
      {settings.second_core, [&] { kill_in_rounds(stage, victim); }},
  };
  stage.run(roles, 60);
  const auto ms = stage.recorded();
  return {summarise_values(subject, {ms.begin(), ms.end()})};
}

}  // namespace

void add_recovery(std::vector<Experiment>& all) {
  all.push_back({"recovery_full", "from the kill of the subscriber that held it up to the publish",
                 true, [](const Settings& settings) {
                   return measure("subscriber killed", hold_up, wait_for_room, settings);
                 }});
  all.push_back({"recovery_standby",
                 "from the kill of the publisher to the standby's first message", true,
                 [](const Settings& settings) {
                   return measure("publisher killed", publish_on, stand_by, settings);
                 }});
}

}  // namespace towbench
