#include "chaos.hpp"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "children.hpp"
#include "towpath/shm/clock.hpp"

namespace tow::soak {

using shm::monotonic_ns;

namespace {

/// A blow that waits until busy children have used up their time is late by milliseconds, and comes
/// when the kernel changes hands anyway. Without the right to this there are fewer blows a second.
void hurry() {
  const sched_param priority{1};
  sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
}

}  // namespace

Chaos::Chaos(const Plan& plan, SharedLog& log) : plan_(plan), log_(log), random_(plan.seed) {
  const auto add = [&](Role role, int count, bool spared = false) {
    for (int i = 0; i < count; ++i) children_.push_back({role, children_.size(), spared});
  };
  add(Role::observer, 1, true);
  add(Role::publisher, plan.publishers);
  add(Role::subscriber, plan.subscribers);
  add(Role::joiner, 1);
  add(Role::repairer, 1);
  add(Role::auditor, plan.settles ? 1 : 0, true);
  add(Role::consumer, plan.consumers);
  add(Role::supervisor, plan.supervisors);
  add(Role::steady_publisher, plan.steady ? 1 : 0, true);
}

Chaos::~Chaos() {
  for (Child& child : children_) kill_child(child);
  for (Child& child : children_) bury(child, true);
}

void Chaos::spawn(Child& child) {
  const std::uint64_t seed = random_();
  Place& place = log_.places[child.place];
  place.progress_ns.store(monotonic_ns());
  place.step.store(Step::starting);
  newest_ = child.place;
  child.killed = child.told = false;
  child.pid = fork();
  if (child.pid < 0) throw std::runtime_error(std::string("fork: ") + strerror(errno));
  if (child.pid != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Self self(plan_, log_, child.role, child.place, seed);
  _exit(run_child(self, child.role));
}

void Chaos::kill_child(Child& child) {
  if (child.pid == 0 || child.killed) return;
  log_.deaths.fetch_add(1);
  if (std::exchange(child.resume_ns, 0) != 0) {
    log_.stops.fetch_add(1);
    log_.stopped_now.fetch_sub(1);
  }
  child.killed = true;
  kill(child.pid, SIGKILL);
}

/// Looks, or waits, for a child's end; says so when it was an end of its own making but no good
/// one.
bool Chaos::bury(Child& child, bool wait) {
  int status = 0;
  if (child.pid == 0 || waitpid(child.pid, &status, wait ? 0 : WNOHANG) != child.pid) return false;
  const bool well =
      WIFEXITED(status) ? WEXITSTATUS(status) == 0 : child.killed && WTERMSIG(status) == SIGKILL;
  if (!well) {
    log_.fault(std::string(to_text(child.role)) + " ended with status " + std::to_string(status));
  }
  child.pid = 0;
  return true;
}

/// Blows come so fast that some hit a child in its start, and so slowly that most do not, however
/// slow this build and machine are.
void Chaos::pause() {
  constexpr double kFastestUs = 3500, kSlowestUs = 60'000, kStep = 1.1;
  const bool too_fast = outcome_.kills_in[0] * 3 > outcome_.kills;
  most_us_ = std::clamp(too_fast ? most_us_ * kStep : most_us_ / kStep, kFastestUs, kSlowestUs);
  // Mostly short: the square of a uniform number.
  const double part = static_cast<double>(below(1000)) / 1000;
  usleep(static_cast<useconds_t>(1 + most_us_ * part * part));
}

/// Who is struck next. Every second blow goes to a publisher, as there are few and they do the
/// most, and every eighth to the youngest, who is starting.
Chaos::Child& Chaos::victim() {
  const std::uint64_t dice = below(8);
  if (dice == 0) return children_[newest_];
  const auto publishers = static_cast<std::size_t>(plan_.publishers);
  const bool publisher = dice <= 4 && publishers != 0;
  return children_[1 + below(publisher ? publishers : children_.size() - 1)];
}

/// Kills somebody, or several at once, or stops somebody for a while.
void Chaos::strike() {
  const std::uint64_t dice = below(32);
  const std::uint64_t count = dice == 0 ? 2 + below(4) : 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    Child& child = victim();
    if (child.pid == 0 || child.killed || child.spared) continue;
    const Step step = log_.places[child.place].step;
    if (dice >= 29 && child.resume_ns == 0) {
      stop(child);
    } else if (child.role == Role::supervisor && step == Step::waiting && !child.told &&
               below(4) == 0) {
      kill(child.pid, SIGTERM);
      child.told = true;
    } else {
      ++outcome_.kills_in[static_cast<std::size_t>(step)];
      ++outcome_.kills;
      kill_child(child);
    }
  }
}

void Chaos::stop(Child& child) {
  log_.stops.fetch_add(1);
  log_.stopped_now.fetch_add(1);
  kill(child.pid, SIGSTOP);
  child.resume_ns = monotonic_ns() + 1'000'000 + below(10'000'000);
  ++outcome_.stops;
}

void Chaos::resume_stopped(bool all) {
  const std::uint64_t now = monotonic_ns();
  for (Child& child : children_) {
    if (child.pid == 0 || child.resume_ns == 0 || (!all && now < child.resume_ns)) continue;
    child.resume_ns = 0;
    auto& progress_ns = log_.places[child.place].progress_ns;
    if (progress_ns.load() != 0) progress_ns.store(now);
    log_.stops.fetch_add(1);
    log_.stopped_now.fetch_sub(1);
    kill(child.pid, SIGCONT);
  }
}

void Chaos::replace_gone() {
  for (Child& child : children_) {
    if (child.resume_ns == 0) bury(child, false);
    if (child.pid == 0 && below(8) != 0) spawn(child);
  }
}

bool Chaos::someone_stuck() {
  const std::uint64_t now = monotonic_ns();
  for (const Child& child : children_) {
    const Place& place = log_.places[child.place];
    const std::uint64_t last = place.progress_ns.load();
    if (child.pid == 0 || child.resume_ns != 0 || last == 0 || now < last + plan_.watchdog_ns) {
      continue;
    }
    log_.stuck.fetch_add(1);
    log_.fault(std::string(to_text(child.role)) + " is stuck while " + to_text(place.step.load()));
    if (getenv("TOWPATH_SOAK_KEEP") != nullptr) {
      fprintf(stderr, "stuck: pid %d; attach now\n", child.pid);
      ::pause();
    }
    return true;
  }
  return false;
}

template <class Condition>
bool Chaos::wait_for(const Condition& condition) {
  while (!condition()) {
    if (someone_stuck() || log_.faults.load() != 0) return false;
    usleep(200);
  }
  return true;
}

/// Publishers finish what they have begun.
void Chaos::end_publishers() {
  log_.stop_publishing.store(1);
  for (Child& child : children_) {
    if (child.role != Role::publisher && child.role != Role::steady_publisher) continue;
    while (child.pid != 0 && !bury(child, false) && !someone_stuck()) {
      // A standby waits for a place that never comes free; everybody else notices the flag.
      if (log_.places[child.place].progress_ns.load() == 0) kill_child(child);
      usleep(1000);
    }
  }
  log_.publishers_gone.store(1);
}

/// The observer reads to the end; the rest is killed, towd last: it repairs what they all left.
void Chaos::end_everybody() {
  resume_stopped(true);
  end_publishers();
  if (!wait_for([&] { return log_.observer_done.load() != 0; })) return;
  for (Child& child : children_) {
    if (child.role == Role::auditor) continue;  // the checker publishes the last results
    const bool supervisor = child.role == Role::supervisor;
    if (!supervisor) kill_child(child);
    if (!supervisor || child.killed || child.told) bury(child, true);
    if (supervisor && child.pid == 0) spawn(child);
  }
  Child checker{Role::checker, children_.size()};
  spawn(checker);
  bury(checker, true);
}

Outcome Chaos::run() {
  hurry();
  const std::uint64_t from = monotonic_ns();
  spawn(children_[0]);
  if (!wait_for([&] { return log_.observer_ready.load() != 0; })) return outcome_;
  for (Child& child : children_) {
    if (child.role == Role::auditor) spawn(child);
  }
  if (plan_.settles && !wait_for([&] { return log_.audit_ready.load() != 0; })) return outcome_;
  for (Child& child : children_) {
    if (child.pid == 0) spawn(child);
  }
  if (!wait_for([&] { return log_.observed.load() != 0; })) return outcome_;
  const auto going_on = [&] {
    return outcome_.kills < static_cast<std::uint64_t>(plan_.kills) ||
           log_.observed.load() < plan_.messages;
  };
  while (going_on() && log_.faults.load() == 0 && !someone_stuck()) {
    replace_gone();
    resume_stopped(false);
    pause();
    strike();
  }
  if (log_.faults.load() == 0) end_everybody();
  outcome_.seconds = static_cast<double>(monotonic_ns() - from) / 1e9;
  return outcome_;
}

}  // namespace tow::soak
