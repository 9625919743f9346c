#include "chaos.hpp"

#include <errno.h>
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

Chaos::Chaos(const Plan& plan, SharedLog& log) : plan_(plan), log_(log), random_(plan.seed) {
  const auto add = [&](Role role, int count) {
    for (int i = 0; i < count; ++i) children_.push_back({role, children_.size()});
  };
  add(Role::observer, 1);
  add(Role::publisher, plan.publishers);
  add(Role::subscriber, plan.subscribers);
  add(Role::joiner, 1);
  add(Role::repairer, 1);
}

Chaos::~Chaos() {
  for (Child& child : children_) kill_child(child);
}

void Chaos::spawn(Child& child) {
  const std::uint64_t seed = random_();
  log_.places[child.place].progress_ns.store(monotonic_ns());
  child.resume_ns = 0;
  child.pid = fork();
  if (child.pid < 0) throw std::runtime_error(std::string("fork: ") + strerror(errno));
  if (child.pid != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Self self(plan_, log_, child.role, child.place, seed);
  _exit(run_child(self, child.role));
}

void Chaos::kill_child(Child& child) {
  if (child.pid == 0) return;
  kill(child.pid, SIGKILL);
  bury(child, true);
}

/// Waits for a child's end; says so when it was an end of its own making but no good one.
bool Chaos::bury(Child& child, bool expected) {
  int status = 0;
  const pid_t gone = waitpid(child.pid, &status, expected ? 0 : WNOHANG);
  if (gone != child.pid) return false;
  const bool well =
      WIFEXITED(status) ? WEXITSTATUS(status) == 0 : expected && WTERMSIG(status) == SIGKILL;
  if (!well) {
    log_.fault(std::string(to_text(child.role)) + " ended with status " + std::to_string(status));
  }
  child.pid = 0;
  return true;
}

void Chaos::pause(std::uint64_t most_us) {
  // Mostly short: the square of a uniform number.
  const std::uint64_t part = random_() % 1000;
  usleep(static_cast<useconds_t>(1 + most_us * part / 1000 * part / 1000));
}

/// Kills somebody, or stops him for a while. The observer (the first) is spared.
void Chaos::strike() {
  Child& victim = children_[1 + random_() % (children_.size() - 1)];
  // Every second blow goes to a publisher: there are few, and they do the most.
  const auto publishers = static_cast<std::size_t>(plan_.publishers);
  Child& target = random_() % 2 == 0 ? children_[1 + random_() % publishers] : victim;
  if (target.pid == 0) return;
  if (random_() % 4 == 0 && target.resume_ns == 0) {
    log_.places[target.place].stops.fetch_add(1);
    kill(target.pid, SIGSTOP);
    target.resume_ns = monotonic_ns() + 1'000'000 + random_() % 20'000'000;
    ++outcome_.stops;
    return;
  }
  kill_child(target);
  ++outcome_.kills;
}

void Chaos::resume_stopped(bool all) {
  const std::uint64_t now = monotonic_ns();
  for (Child& child : children_) {
    if (child.pid == 0 || child.resume_ns == 0 || (!all && now < child.resume_ns)) continue;
    child.resume_ns = 0;
    log_.places[child.place].stops.fetch_add(1);
    log_.places[child.place].progress_ns.store(now);
    kill(child.pid, SIGCONT);
  }
}

void Chaos::replace_gone() {
  for (Child& child : children_) {
    if (child.pid != 0 && child.resume_ns == 0) bury(child, false);
    if (child.pid == 0 && random_() % 8 != 0) spawn(child);
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
    log_.fault(std::string(to_text(child.role)) + " is stuck in step " +
               std::to_string(place.step.load()));
    if (getenv("TOWPATH_SOAK_KEEP") != nullptr) {
      fprintf(stderr, "stuck: pid %d; attach now\n", child.pid);
      ::pause();
    }
    return true;
  }
  return false;
}

template <class Word>
bool Chaos::wait_for(const Word& word) {
  while (word.load() == 0) {
    if (someone_stuck() || log_.faults.load() != 0) return false;
    usleep(200);
  }
  return true;
}

/// Publishers finish what they have begun; the observer reads to the end; the rest is killed.
void Chaos::end_everybody() {
  resume_stopped(true);
  log_.stop_publishing.store(1);
  for (Child& child : children_) {
    if (child.role != Role::publisher) continue;
    while (child.pid != 0 && !bury(child, false) && !someone_stuck()) {
      // A standby waits for a place that never comes free; everybody else notices the flag.
      if (log_.places[child.place].progress_ns.load() == 0) kill_child(child);
      usleep(1000);
    }
  }
  log_.publishers_gone.store(1);
  if (!wait_for(log_.observer_done)) return;
  for (Child& child : children_) kill_child(child);
  Child checker{Role::checker, children_.size()};
  spawn(checker);
  bury(checker, true);
}

Outcome Chaos::run() {
  const std::uint64_t from = monotonic_ns();
  spawn(children_[0]);
  if (!wait_for(log_.observer_ready)) return outcome_;
  // Blows come so fast that some hit a child in its start, and so slowly that most do not, however
  // slow this build and machine are.
  const std::uint64_t ready = monotonic_ns();
  for (Child& child : children_) {
    if (child.pid == 0) spawn(child);
  }
  if (!wait_for(log_.observed)) return outcome_;
  const std::uint64_t most_us = std::max<std::uint64_t>(8000, (monotonic_ns() - ready) / 500);
  while (outcome_.kills < plan_.kills && log_.faults.load() == 0 && !someone_stuck()) {
    replace_gone();
    resume_stopped(false);
    pause(most_us);
    strike();
  }
  outcome_.seconds = static_cast<double>(monotonic_ns() - from) / 1e9;
  if (log_.faults.load() == 0) end_everybody();
  return outcome_;
}

}  // namespace tow::soak
