/// How long a survivor waits for a process that was killed, without and with towd.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "bench/harness/stage.hpp"
#include "families.hpp"
#include "tow_link.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/shm/writer.hpp"

namespace towbench {
namespace {

using enum tow::Publishers;
using Waiting = void (*)(Stage&);
using Surviving = void (*)(Stage&, std::size_t rounds);

/// A round takes about this long, so a run of 60 s kills a thousand.
constexpr double kRoundSeconds = 0.06;
std::size_t rounds_of(const Settings& settings) {
  return std::max<std::size_t>(10, static_cast<std::size_t>(settings.seconds / kRoundSeconds));
}

void nap_us(long us) {
  const timespec time{0, us * 1'000};
  nanosleep(&time, nullptr);
}
void nap(long ms) { nap_us(ms * 1'000); }
/// Until the survivor certainly waits, and then until any point between two of the times that it
/// looks by itself, which lie up to 50 ms apart.
void let_it_wait() {
  constexpr long kShortestUs = 10'000, kLookUs = 50'000;
  static std::minstd_rand random{static_cast<unsigned>(getpid())};
  nap_us(kShortestUs + static_cast<long>(random() % kLookUs));
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

/// A publisher that dies between the commit of a message and the bell, once the survivor sleeps.
void die_before_the_bell(Stage& stage) {
  using namespace tow::shm;
  const auto bus = tow::Bus::open(stage.bus_path()).value();
  const auto topic = open_topic<48, one>(stage);
  const auto participants = std::make_shared<Participants>(
      Directory::open(stage.bus_path() + "/participants").value(), 0600);
  participants->join().value();
  const auto ring = Ring::open(Directory::open(stage.bus_path() + "/topics/bench").value(), "bench",
                               participants, 0600, false)
                        .value();
  const auto writer = Writer::attach(ring).value();
  const Payload<48> message{};
  sleep_until(stage, stage.baton(), stage.pong().number.load() + 1);
  let_it_wait();
  writer->append_fixed<sizeof message>(&message);
  stage.began().store(send_ticks());
  kill(getpid(), SIGKILL);
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
void kill_in_rounds(Stage& stage, Waiting victim_body, std::size_t rounds) {
  for (std::size_t round = 1; round <= rounds; ++round) {
    const pid_t victim = fork();
    if (victim == 0) {
      try {
        victim_body(stage);
      } catch (const std::exception&) {
        _exit(1);
      }
    }
    if (victim_body != die_before_the_bell) {
      sleep_until(stage, stage.baton(), round);
      let_it_wait();
      stage.began().store(send_ticks());
      kill(victim, SIGKILL);
    }
    int status = 0;
    if (waitpid(victim, &status, 0) != victim || !WIFSIGNALED(status)) {
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
void wait_for_room(Stage& stage, std::size_t rounds) {
  const auto topic = open_topic<48, one>(stage);
  for (std::size_t round = 1; round <= rounds; ++round) {
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
void stand_by(Stage& stage, std::size_t rounds) {
  const auto topic = open_topic<48, one>(stage);
  for (std::size_t round = 1; round <= rounds; ++round) {
    sleep_until(stage, stage.baton(), round);
    auto publisher = topic.publisher({.take_over_within = std::chrono::seconds(10)}).value();
    publisher.publish({}).value();
    record_wait(stage, round);
  }
}

/// The subscriber that sleeps when the victim does not wake it.
void sleep_on(Stage& stage, std::size_t rounds) {
  auto subscriber = open_topic<48, one>(stage).subscriber({.spin = {}}).value();
  for (std::size_t round = 1; round <= rounds; ++round) {
    stage.baton().number.store(round);
    if (!subscriber.take(std::chrono::seconds(10))) throw Failure("nothing came");
    record_wait(stage, round);
  }
}

std::vector<Row> measure(const char* mode, bool towd, Waiting victim, Surviving survivor,
                         const Settings& settings) {
  const std::size_t rounds = rounds_of(settings);
  const Target target{Target::Kind::p50, towd ? 2.0 : 60.0, ""};
  const Subject subject{"towpath",  "1to1", 48,    fmt::format("{}{}", mode, towd ? ", towd" : ""),
                        "recovery", "ms",   target};
  Stage stage;
  const auto kill_them = [&] {
    const pid_t supervisor = towd ? start_towd(stage) : 0;
    kill_in_rounds(stage, victim, rounds);
    if (towd) kill(supervisor, SIGTERM);
  };
  const Role roles[] = {{settings.first_core, [&] { survivor(stage, rounds); }},
                        {settings.second_core, kill_them}};
  stage.run(roles, 60 + static_cast<double>(rounds) * 0.5);
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
    all.push_back({fmt::format("recovery_unrung{}", with),
                   "from the death of a publisher before its bell to the message taken", true,
                   [towd](const Settings& settings) {
                     return measure("publisher killed before its bell", towd, die_before_the_bell,
                                    sleep_on, settings);
                   }});
  }
}

}  // namespace towbench
