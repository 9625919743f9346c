/// How long a survivor waits for a process that was killed, without and with towd.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>

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

/// Makes the stage's bus and starts towd for it, which ends with this process at the latest.
pid_t start_towd(Stage& stage) {
  tow::Bus::open(stage.bus_path()).value();
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::string towd = here.parent_path() / "daemon/towd";
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int silent = open("/dev/null", O_WRONLY);
    dup2(silent, STDERR_FILENO);
    execl(towd.c_str(), "towd", "--bus", stage.bus_path().c_str(), nullptr);
    _exit(1);
  }
  constexpr long kStartMs = 300;
  nap(kStartMs);
  if (waitpid(child, nullptr, WNOHANG) != 0) throw Failure("could not run " + towd);
  return child;
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

std::vector<Row> measure(const char* mode, bool towd, Waiting victim, Waiting survivor,
                         const Settings& settings) {
  const Target target{Target::Kind::p50, towd ? 2.0 : 60.0, ""};
  const Subject subject{"towpath",  "1to1", 48,    fmt::format("{}{}", mode, towd ? ", towd" : ""),
                        "recovery", "ms",   target};
  Stage stage;
  const auto kill_them = [&] {
    const pid_t supervisor = towd ? start_towd(stage) : 0;
    kill_in_rounds(stage, victim);
    if (towd) kill(supervisor, SIGTERM);
  };
  const Role roles[] = {{settings.first_core, [&] { survivor(stage); }},
                        {settings.second_core, kill_them}};
  stage.run(roles, 60);
  const auto ms = stage.recorded();
  return {summarise_values(subject, {ms.begin(), ms.end()})};
}

}  // namespace

void add_recovery(std::vector<Experiment>& all) {
  for (const bool towd : {false, true}) {
    const char* const with = towd ? "_towd" : "";
    all.push_back({fmt::format("recovery_full{}", with),
                   "from the kill of the subscriber that held it up to the publish", true,
                   [towd](const Settings& settings) {
                     return measure("subscriber killed", towd, hold_up, wait_for_room, settings);
                   }});
    all.push_back({fmt::format("recovery_standby{}", with),
                   "from the kill of the publisher to the standby's first message", true,
                   [towd](const Settings& settings) {
                     return measure("publisher killed", towd, publish_on, stand_by, settings);
                   }});
  }
}

}  // namespace towbench
