// Processes that scribble, truncate, lock and flood wherever their role lets them, against programs
// as users write them, tow and towd. No victim dies by a signal or a sanitizer, none hangs, and a
// topic that is none of the attackers' business loses nothing.
//
// Run as root the attackers are somebody else ("nobody"); otherwise they are of the victims' own
// user and leave its participants file alone, because processes of one user trust each other there.
// TOWPATH_HOSTILE_SEED repeats a run's choices (not its timing); TOWPATH_HOSTILE_SECONDS is how
// long each test takes.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>

#include "stage.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/shm/clock.hpp"

#ifdef __SANITIZE_ADDRESS__
extern "C" const char* __asan_default_options() { return "exitcode=99:detect_leaks=0"; }
extern "C" const char* __ubsan_default_options() { return "exitcode=99:print_stacktrace=1"; }
#endif

namespace tow::hostile {
namespace {

using namespace std::chrono_literals;

#ifdef __SANITIZE_ADDRESS__
constexpr double kUsualSeconds = 2;
#else
constexpr double kUsualSeconds = 0.5;
#endif
constexpr std::uint64_t kHangsNs = 40'000'000'000;

double seconds() {
  const char* const text = std::getenv("TOWPATH_HOSTILE_SECONDS");
  return text != nullptr ? std::atof(text) : kUsualSeconds;
}

std::uint64_t seed() {
  const char* const text = std::getenv("TOWPATH_HOSTILE_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device{}();
}

pid_t spawn(const std::function<void()>& body, uid_t user) {
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (user != 0 && (setgid(user) != 0 || setuid(user) != 0)) _exit(2);
  if (user != 0) prctl(PR_SET_PDEATHSIG, SIGKILL);  // changing the user cleared it
  int status = 0;
  try {
    body();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    status = 1;
  }
  _exit(status);
}

class Crowd {
 public:
  Crowd(const Plan& plan, StageLog& log) : plan_(plan), log_(log), random_(plan.seed) {
    // Made by the victims' user, open to all; the attackers leave the quiet topic's own files
    // alone.
    const auto bus = Bus::open(plan.bus, {.file_mode = plan.other_user ? 0666U : 0600U}).value();
    (void)bus.topic(kAttacked, attacked_options(plan)).value();
    (void)bus.topic(kTheirs, attacked_options(plan)).value();
    (void)bus.exchange(kAttacked, {.kind = ExchangeKind::topic, .table_bytes = 4096}).value();
  }
  ~Crowd() {
    for (const Child& child : children_) {
      if (child.pid > 0) kill(child.pid, SIGKILL), waitpid(child.pid, nullptr, 0);
    }
  }

  void add_victim(const char* name, void (*life)(Victim&)) {
    VictimLog& self = log_.victims[victims_];
    std::snprintf(self.name.data(), self.name.size(), "%s", name);
    self.progress_ns.store(shm::monotonic_ns());
    const std::uint64_t seed = random_();
    const auto body = [this, &self, life, seed] {
      Victim victim{plan_, log_, self, Random(seed)};
      life(victim);
    };
    children_.push_back({spawn(body, 0), static_cast<int>(victims_++), {}});
  }
  void add_attacker(Attack attack_kind) {
    children_.push_back({0, -1, attack_kind});
    start_attacker(children_.back());
  }
  void go_on_until_over();

 private:
  struct Child {
    pid_t pid;
    int victim;  ///< -1: an attacker
    Attack attack;
  };

  void start_attacker(Child& child) {
    const std::uint64_t seed = random_();
    child.pid = spawn([this, &child, seed] { attack(plan_, log_, child.attack, seed); },
                      plan_.other_user ? test::kNobody : 0);
  }
  void bury(Child& child, int status);
  std::string name_of(const Child& child) const {
    if (child.victim < 0) return to_text(child.attack);
    return log_.victims[static_cast<std::size_t>(child.victim)].name.data();
  }
  bool all_gone() const {
    for (const Child& child : children_) {
      if (child.pid > 0) return false;
    }
    return true;
  }
  void look_for_hangs();

  const Plan& plan_;
  StageLog& log_;
  Random random_;
  std::vector<Child> children_;
  std::size_t victims_ = 0;
};

void Crowd::bury(Child& child, int status) {
  child.pid = 0;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  const bool victim = child.victim >= 0;
  const std::string name = name_of(child);
  // An attacker that uses the library is a victim of the others.
  if (code != 0)
    log_.fault(name + " ended with " + std::to_string(code) + "; see its output above");
  if (victim && !log_.quiet_is_over.load()) log_.fault(name + " ended early");
  if (!victim && !log_.over.load()) start_attacker(child);
}

void Crowd::look_for_hangs() {
  const std::uint64_t now = shm::monotonic_ns();
  for (Child& child : children_) {
    if (child.pid <= 0 || child.victim < 0) continue;
    const VictimLog& self = log_.victims[static_cast<std::size_t>(child.victim)];
    const std::uint64_t last = self.progress_ns.load();
    if (now < last || now - last < kHangsNs) continue;
    log_.fault(std::string(self.name.data()) + " hangs");
    kill(child.pid, SIGABRT);  // under a sanitizer it says where
  }
}

void Crowd::go_on_until_over() {
  const auto ns = static_cast<std::uint64_t>(plan_.seconds * 1e9);
  const std::uint64_t start_ns = shm::monotonic_ns(), end_ns = start_ns + ns;
  while (!all_gone() && shm::monotonic_ns() < end_ns + 2 * kHangsNs) {
    const std::uint64_t now = shm::monotonic_ns();
    if (now > end_ns || log_.faults.load() != 0) log_.quiet_is_over.store(true);
    if (now > end_ns + 100'000'000 || log_.faults.load() != 0) log_.over.store(true);
    for (Child& child : children_) {
      int status = 0;
      if (child.pid > 0 && waitpid(child.pid, &status, WNOHANG) == child.pid) bury(child, status);
    }
    look_for_hangs();
    std::this_thread::sleep_for(2ms);
  }
  for (const Child& child : children_) {
    if (child.pid > 0) log_.fault(name_of(child) + " did not end");
  }
}

void print(const Plan& plan, const StageLog& log) {
  std::uint64_t operations = 0, errors = 0;
  std::string who;
  for (const VictimLog& victim : log.victims) {
    operations += victim.operations.load();
    errors += victim.errors.load();
    if (victim.name[0] == '\0') continue;
    who += std::string(who.empty() ? "" : ", ") + victim.name.data() + ' ' +
           std::to_string(victim.operations.load());
  }
  std::printf(
      "seed %llu, %.1f s: %.0f mutations/s; victims' operations %llu (%s), %llu of them "
      "refused; quiet topic %llu messages\n",
      static_cast<unsigned long long>(plan.seed), plan.seconds,
      static_cast<double>(log.mutations.load()) / plan.seconds,
      static_cast<unsigned long long>(operations), who.c_str(),
      static_cast<unsigned long long>(errors),
      static_cast<unsigned long long>(log.quiet_taken.load()));
  std::fflush(stdout);
}

class Hostile : public testing::TestWithParam<Publishers> {
 protected:
  void survive(const std::vector<Attack>& attacks, bool with_programs = false) {
    const test::TempDir directory(0755);
    Plan plan{directory.path() + "/bus", seed(), seconds(), GetParam(), test::is_root()};
    void* const memory =
        mmap(nullptr, sizeof(StageLog), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    StageLog& log = *static_cast<StageLog*>(memory);
    {
      Crowd run(plan, log);
      run.add_victim("quiet subscriber", take_quiet);
      // It joins before the first message, so that it is entitled to all.
      run.add_victim("quiet consumer", consume_quiet);
      ASSERT_TRUE(test::eventually([&] {
        return log.victims[0].operations.load() != 0 && log.victims[1].operations.load() != 0;
      }));
      run.add_victim("quiet publisher", publish_quiet);
      run.add_victim("publisher", publish_attacked);
      run.add_victim("subscriber", take_attacked);
      run.add_victim("exchange", publish_to_exchange);
      run.add_victim("consumer", consume_attacked);
      run.add_victim("other consumer", consume_attacked);
      if (with_programs) {
        run.add_victim("towd", run_towd);
        run.add_victim("tow", run_tow);
      } else {
        run.add_victim("observer", observe_all);
      }
      for (const Attack attack_kind : attacks) run.add_attacker(attack_kind);
      run.go_on_until_over();
    }
    print(plan, log);
    EXPECT_EQ(log.faults.load(), 0U) << "seed " << plan.seed << log.fault_list();
    EXPECT_GT(log.mutations.load(), 0U);
    EXPECT_GT(log.quiet_taken.load(), 0U);
    EXPECT_EQ(log.quiet_taken.load(), log.quiet_published.load());
    EXPECT_EQ(log.quiet_settled.load(), log.quiet_published.load());
    munmap(memory, sizeof(StageLog));
  }
};

TEST_P(Hostile, PublishersOfATopicHurtThatTopicAlone) {
  survive({Attack::scribble_as_publisher, Attack::flood});
}
TEST_P(Hostile, SubscribersOfATopicHurtThatTopicAlone) {
  survive({Attack::scribble_as_subscriber, Attack::join_and_leave});
}
TEST_P(Hostile, ConsumersOfAGroupHurtThatTopicAlone) {
  survive({Attack::scribble_as_consumer, Attack::consume, Attack::consume});
}
TEST_P(Hostile, ParticipantsOfAnotherTopicHurtNobody) {
  survive({Attack::scribble_elsewhere, Attack::lock, Attack::lock});
}
TEST_P(Hostile, FilesSpoiltHurtTheirTopicAlone) {
  survive({Attack::spoil_files, Attack::spoil_files, Attack::join_and_leave});
}
TEST_P(Hostile, AllOfThemTogetherDoNotBringDownTowAndTowd) {
  survive({Attack::scribble_as_publisher, Attack::scribble_as_subscriber,
           Attack::scribble_elsewhere, Attack::spoil_files, Attack::lock},
          true);
}

// Controls: what a run must notice.

void die(Victim&) { raise(SIGSEGV); }
void read_too_far(Victim& self) {
  const std::vector<std::uint64_t> few(3);
  self.self.errors.store(few.data()[draw(self.random, 3, 3)]);
}
void lose_a_message(Victim& self) {
  self.log.quiet_published.store(1);
  publish_quiet(self);
}

std::string faults_of(void (*life)(Victim&)) {
  const test::TempDir directory(0755);
  const Plan plan{directory.path() + "/bus", seed(), 0.2, Publishers::one, false};
  const test::Shared<StageLog> log;
  Crowd crowd(plan, *log);
  crowd.add_victim("control", life);
  crowd.go_on_until_over();
  return log->fault_list();
}

TEST(HostileControl, VictimThatDiesIsNoticed) {
  EXPECT_NE(faults_of(die).find("control ended with"), std::string::npos);
}
TEST(HostileControl, VictimThatLosesAMessageIsNoticed) {
  EXPECT_NE(faults_of(lose_a_message).find("a gap"), std::string::npos);
}
TEST(HostileControl, VictimThatReadsOutOfRangeIsNoticed) {
#ifndef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "only the address sanitizer notices";
#endif
  EXPECT_NE(faults_of(read_too_far).find("control ended with 99"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Hostile, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& row) {
                           return row.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow::hostile
