#include "explorer.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "towpath/shm/clock.hpp"

namespace tow::schedule {
namespace {

using shm::explore::Op;

constexpr std::size_t kStackBytes = 256 << 10;
constexpr std::uint64_t kMostSteps = 100'000;  // of one actor in one schedule: a loop for ever

constexpr std::uint64_t kFewest = 1000;  // schedules, however slow the machine is

struct Killed {};

Explorer* explorer = nullptr;
const char breath = 0;  // a word that everybody shares

/// TOWPATH_SCHEDULE_SECONDS lets every search run longer than a test may.
double seconds_for(const Bounds& bounds) {
  const char* const text = std::getenv("TOWPATH_SCHEDULE_SECONDS");
  return text != nullptr ? std::atof(text) : bounds.seconds;
}

double now() { return static_cast<double>(shm::monotonic_ns()) / 1e9; }

}  // namespace

/// What the atomics, and the functions for actors, may call.
struct Hooks {
  static bool active() { return explorer != nullptr && !explorer->quiet_; }
  static auto& self() { return explorer->actors_[static_cast<std::size_t>(explorer->running_)]; }
  static void step(const void* word, Op op) { explorer->step(word, op); }
  static std::size_t choose_keeping() {
    if (self().buffer.empty() && explorer->kept_left_ == 0) return 0;
    if (!self().buffer.empty()) return 1;
    const std::size_t keep = explorer->choose(2);
    if (keep != 0) --explorer->kept_left_;
    return keep;
  }
  static bool is_shared(const void* word) { return explorer->is_shared(word); }
  static void keep(void* word, std::uint64_t value, std::size_t bytes) {
    self().buffer.push_back({word, value, bytes});
    explorer->trace("keeps a store back");
  }
  static void drain_own() { explorer->drain(static_cast<std::size_t>(explorer->running_)); }
  static void drain_all() {
    for (std::size_t i = 0; i < explorer->actors_.size(); ++i) explorer->drain(i);
  }
  static void fail(const std::string& text) {
    if (explorer->failure_.empty()) explorer->failure_ = text;
  }
  static void wait(std::function<bool()> wake, const std::string& what) {
    drain_own();
    self().wake = std::move(wake);
    self().state = Explorer::State::waiting;
    explorer->trace("waits for " + what);
    explorer->schedule();
  }
};

Explorer::Explorer(Scenario scenario, const Bounds& bounds)
    : scenario_(std::move(scenario)), bounds_(bounds), actors_(scenario_.actors.size()) {
  for (Actor& actor : actors_) {
    actor.stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
  }
  explorer = this;
}

Explorer::~Explorer() { explorer = nullptr; }

/// Picks one of `count` ways on; the path is replayed first, then grows by first choices.
std::size_t Explorer::choose(std::size_t count) {
  if (count <= 1) return 0;
  if (depth_ == path_.size()) path_.push_back({0, static_cast<std::uint8_t>(count)});
  const Choice choice = path_[depth_++];
  if (choice.count != count) {
    std::fprintf(stderr, "the actors are not deterministic: %d ways instead of %zu\n", choice.count,
                 count);
    std::abort();
  }
  return choice.taken;
}

bool Explorer::next_path() {
  while (!path_.empty() && path_.back().taken + 1 == path_.back().count) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().taken;
  return true;
}

void Explorer::trace(const std::string& what) {
  if (running_ < 0 || trace_.size() > 4000) return;
  trace_ += "\n    actor " + std::to_string(running_) + " at its step " +
            std::to_string(actors_[static_cast<std::size_t>(running_)].steps) + ' ' + what;
}

void Explorer::note(const void* word, Op op) {
  Users& users = seen_[word];
  (op == Op::load ? users.readers : users.writers) |= 1U << running_;
}

bool Explorer::is_shared(const void* word) const {
  if (word == &breath) return true;
  const auto found = shared_.find(word);
  return found != shared_.end() && found->second.shared();
}

void Explorer::step(const void* word, Op op) {
  const auto self = static_cast<std::size_t>(running_);
  Actor& actor = actors_[self];
  if (actor.ghost) return;
  if (++actor.steps > kMostSteps) {
    Hooks::fail("an actor goes round in circles");
    die();
  }
  note(word, op);
  std::vector<int> ways{running_};
  if (is_shared(word) && preemptions_left_ > 0) {
    for (std::size_t i = 0; i < actors_.size(); ++i) {
      if (i != self && can_run(i)) ways.push_back(static_cast<int>(i));
    }
  }
  const bool mortal = op != Op::load && deaths_left_ > 0 && (bounds_.mortal >> self & 1) != 0;
  if (mortal) ways.push_back(-1);
  const int way = ways[choose(ways.size())];
  if (way == -1) {
    --deaths_left_;
    any_died_ = true;
    trace("dies");
    die();
  }
  if (way != running_) {
    --preemptions_left_;
    trace("is interrupted by actor " + std::to_string(way));
    switch_to(static_cast<std::size_t>(way));
    drain(self);  // a store buffer does not outlast a preemption
  }
  if (op == Op::exchange) drain(self);
}

void Explorer::die() {
  const auto self = static_cast<std::size_t>(running_);
  drain(self);  // what was stored reaches memory though its process is gone
  actors_[self].ghost = true;
  throw Killed{};
}

void Explorer::drain(std::size_t actor) {
  for (const Kept& kept : actors_[actor].buffer) std::memcpy(kept.word, &kept.value, kept.bytes);
  actors_[actor].buffer.clear();
}

bool Explorer::can_run(std::size_t index) {
  Actor& actor = actors_[index];
  if (actor.state == State::ready) return true;
  if (actor.state != State::waiting) return false;
  quiet_ = true;
  const bool woken = actor.wake();
  quiet_ = false;
  return woken;
}

void Explorer::switch_to(std::size_t next) {
  actors_[next].state = State::ready;
  const int from = std::exchange(running_, static_cast<int>(next));
  ucontext_t* const here = from < 0 ? &main_ : &actors_[static_cast<std::size_t>(from)].context;
  swapcontext(here, &actors_[next].context);
}

/// The running actor cannot go on: another does, or the schedule ends.
void Explorer::schedule() {
  std::vector<std::size_t> ways;
  for (std::size_t i = 0; i < actors_.size(); ++i) {
    if (can_run(i)) ways.push_back(i);
  }
  if (!ways.empty()) {
    const std::size_t way = ways[choose(ways.size())];
    if (static_cast<int>(way) == running_) {
      actors_[way].state = State::ready;
    } else {
      switch_to(way);
    }
    return;
  }
  const auto stuck = [](const Actor& actor) { return actor.state == State::waiting; };
  if (std::any_of(actors_.begin(), actors_.end(), stuck)) {
    Hooks::fail("somebody waits for ever");
  }
  ucontext_t& here = actors_[static_cast<std::size_t>(running_)].context;
  running_ = -1;
  swapcontext(&here, &main_);
}

void Explorer::enter(unsigned index) {
  Actor& actor = explorer->actors_[index];
  try {
    explorer->scenario_.actors[index]();
    explorer->drain(index);
    actor.state = State::finished;
  } catch (const Killed&) {
    actor.state = State::dead;
  }
  if (actor.state == State::dead && explorer->scenario_.died) {
    explorer->quiet_ = true;
    explorer->scenario_.died(index);
    explorer->quiet_ = false;
  }
  explorer->schedule();
}

/// One schedule; false when it failed.
bool Explorer::run_once(int preemptions) {
  depth_ = 0;
  preemptions_left_ = preemptions;
  deaths_left_ = bounds_.deaths;
  kept_left_ = bounds_.kept_back;
  any_died_ = false;
  trace_.clear();
  scenario_.begin();
  for (std::size_t i = 0; i < actors_.size(); ++i) {
    Actor& actor = actors_[i];
    actor.state = State::ready;
    actor.ghost = false;
    actor.steps = 0;
    actor.buffer.clear();
    getcontext(&actor.context);
    actor.context.uc_stack.ss_sp = actor.stack.get();
    actor.context.uc_stack.ss_size = kStackBytes;
    actor.context.uc_link = nullptr;
    makecontext(&actor.context, reinterpret_cast<void (*)()>(&Explorer::enter), 1,
                static_cast<unsigned>(i));
  }
  quiet_ = false;
  switch_to(choose(actors_.size()));
  quiet_ = true;
  running_ = -1;
  scenario_.end();
  return failure_.empty();
}

/// All schedules with up to `preemption_bound_` preemptions at words known to be shared.
void Explorer::search(Report& report, double until) {
  path_.clear();
  do {
    ++report.schedules;
    const bool well = run_once(preemption_bound_);
    report.deaths += any_died_ ? 1 : 0;
    if (!well) {
      report.failure = failure_ + trace_;
      return;
    }
    if (report.schedules >= kFewest && now() > until) return;
  } while (next_path());
  report.complete_up_to = preemption_bound_;
}

Report Explorer::run() {
  const double until = now() + seconds_for(bounds_);
  Report total;
  // Few preemptions first: failures with the shortest schedules are found first, and the set of
  // shared words is known by the time it matters.
  for (preemption_bound_ = 0; preemption_bound_ <= bounds_.preemptions;) {
    const auto count_shared = [](const auto& words) {
      return std::count_if(words.begin(), words.end(),
                           [](const auto& word) { return word.second.shared(); });
    };
    shared_ = seen_;
    const auto before = count_shared(shared_);
    Report report;
    search(report, until);
    total.schedules += report.schedules;
    total.deaths += report.deaths;
    total.failure = report.failure;
    if (!total.failure.empty() || report.complete_up_to < 0) return total;
    if (count_shared(seen_) != before) continue;  // words came to be shared: once more
    total.complete_up_to = preemption_bound_++;
  }
  return total;
}

void fail(const std::string& text) { Hooks::fail(text); }

void wait_until(std::function<bool()> wake, const std::string& what) {
  Hooks::wait(std::move(wake), what);
}

void breathe() { Hooks::step(&breath, Op::load); }

Report explore(const std::string& name, Scenario scenario, const Bounds& bounds) {
  const double from = now();
  Report report = Explorer(std::move(scenario), bounds).run();
  std::printf("  %s: %llu interleavings (%llu with a death) in %.1f s, ", name.c_str(),
              static_cast<unsigned long long>(report.schedules),
              static_cast<unsigned long long>(report.deaths), now() - from);
  if (report.failure.empty()) {
    std::printf("all with up to %d preemptions\n", report.complete_up_to);
  } else {
    std::printf("the last one fails\n");
  }
  std::fflush(stdout);
  return report;
}

}  // namespace tow::schedule

namespace tow::shm::explore {

using schedule::Hooks;

void step(const void* word, Op op) {
  if (Hooks::active()) Hooks::step(word, op);
}

bool withhold(void* word, std::uint64_t value, std::size_t bytes, bool ordered) {
  if (!Hooks::active()) return false;
  if (Hooks::self().ghost) return true;
  if (ordered) return Hooks::drain_own(), false;  // as an exchange: nothing overtakes it
  if (Hooks::self().buffer.empty() && !Hooks::is_shared(word)) return false;
  if (Hooks::choose_keeping() == 0) return false;
  Hooks::keep(word, value, bytes);
  return true;
}

bool own_store(const void* word, std::uint64_t& value) {
  if (!Hooks::active()) return false;
  bool found = false;
  for (const auto& kept : Hooks::self().buffer) {  // the youngest counts
    if (kept.word == word) value = kept.value, found = true;
  }
  return found;
}

bool is_ghost() { return Hooks::active() && Hooks::self().ghost; }

void full_fence() {
  if (Hooks::active()) Hooks::drain_own();
}

void barrier_everywhere() {
  if (Hooks::active()) Hooks::drain_all();
}

}  // namespace tow::shm::explore
