#include "explorer.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "hooks.hpp"
#include "towpath/shm/clock.hpp"

namespace tow::schedule {
namespace {

constexpr std::size_t kStackBytes = 256 << 10;
constexpr std::uint64_t kMostSteps = 100'000;  // of one actor in one schedule: a loop for ever
constexpr std::uint64_t kFewest = 200;         // schedules, however slow the machine is

struct Killed {};

double now() { return static_cast<double>(shm::monotonic_ns()) / 1e9; }

}  // namespace

Explorer::Explorer(Scenario scenario, const Bounds& bounds)
    : scenario_(std::move(scenario)), bounds_(bounds), actors_(scenario_.actors.size()) {
  for (Actor& actor : actors_) {
    actor.stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
  }
  known_[&Hooks::breath] = {~0U, ~0U, 1};  // a word that everybody shares
  Hooks::explorer = this;
}

Explorer::~Explorer() { Hooks::explorer = nullptr; }

/// Few preemptions first: failures with the shortest schedules are found first, and the set of
/// shared words is known by the time it matters. Stale reads alone show much, and are soon done.
std::vector<Explorer::Level> Explorer::levels() const {
  const int most = bounds_.preemptions;
  std::vector<Level> levels;
  if (bounds_.mode == Mode::stale) {
    levels = {{0, 0}, {0, kAll}, {1, 1}, {1, 2}, {2, 2}, {3, 3}, {most, kAll}};
  } else {
    levels = {{0, 0}, {1, 0}, {2, 0}, {3, 0}};
    if (most > 3) levels.push_back({most, 0});
  }
  std::erase_if(levels, [=](const Level& level) { return level.preemptions > most; });
  return levels;
}

Report Explorer::run() {
  const double until = now() + bounds_.seconds;
  Report report;
  for (const Level& level : levels()) {
    do {
      grown_ = false;
      if (!search(level, report, until)) return report;
    } while (grown_);  // words came to be shared: once more
    report.preemptions = level.preemptions;
  }
  report.complete = true;
  return report;
}

/// False when it was not finished.
bool Explorer::search(const Level& level, Report& report, double until) {
  number_words();
  visited_.clear();
  path_.clear();
  do {
    ++report.schedules;
    run_once(level);
    report.deaths += any_died_ ? 1 : 0;
    report.stale += std::exchange(stale_seen_, 0);
    report.states = visited_.size();
    if (grown_) {  // a word that was not followed carried nothing: what failed may be no failure
      failure_.clear();
      return true;
    }
    if (!failure_.empty()) {
      report.failure = failure_ + trace_;
      return false;
    }
    const bool late = report.schedules >= kFewest && now() > until;
    if (late || report.schedules >= bounds_.schedules) return false;
  } while (next_path());
  return true;
}

void Explorer::number_words() {
  std::vector<Memory::Word> words;
  for (auto& [at, known] : known_) {
    if (!known.shared()) continue;
    known.word = words.size();
    const unsigned guards = scenario_.guards ? scenario_.guards(at) : 0;
    words.push_back({const_cast<void*>(at), known.bytes, guards});
  }
  for (Actor& actor : actors_) actor.stale.resize(words.size());
  memory_.set_up(bounds_.mode, actors_.size(), std::move(words));
}

/// Picks one of `count` ways on; the path is replayed first, then grows by first choices, unless
/// all that follows was seen before.
std::size_t Explorer::choose(std::size_t count, std::uint64_t what) {
  if (count <= 1 || cutting_) return 0;
  if (depth_ == path_.size()) {
    if (!visited_.enter(state(what), preemptions_left_)) {
      cutting_ = true;
      return 0;
    }
    path_.push_back({0, static_cast<std::uint8_t>(count)});
  }
  const Choice choice = path_[depth_++];
  if (choice.count != count) {
    std::fprintf(stderr, "the actors are not deterministic: %d ways instead of %zu\n", choice.count,
                 count);
    std::abort();
  }
  return choice.taken;
}

std::uint64_t Explorer::state(std::uint64_t what) const {
  std::uint64_t bits = mix(what, static_cast<std::uint64_t>(running_));
  bits = mix(bits, static_cast<std::uint64_t>(deaths_left_) << 32 |
                       static_cast<std::uint32_t>(stale_left_));
  unsigned living = 0;
  for (std::size_t i = 0; i < actors_.size(); ++i) {
    const Actor& actor = actors_[i];
    bits = mix(bits, mix(actor.observed, static_cast<std::uint64_t>(actor.state)));
    if (actor.state != State::finished && actor.state != State::dead) living |= 1U << i;
  }
  return mix(bits, memory_.hash(living));
}

bool Explorer::next_path() {
  while (!path_.empty() && path_.back().taken + 1 == path_.back().count) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().taken;
  return true;
}

void Explorer::trace(const std::string& what) {
  if (running_ < 0 || cutting_ || trace_.size() > 4000) return;
  trace_ += "\n    actor " + std::to_string(running_) + " at its step " +
            std::to_string(self().steps) + ' ' + what;
}

void Explorer::fail(const std::string& text) {
  if (cutting_ || (running_ >= 0 && self().ghost) || !failure_.empty()) return;
  failure_ = text;
}

void Explorer::observe(std::uint64_t value) { self().observed = mix(self().observed, value); }

/// What precedes an operation: others may go on, this actor may die. Returns the word's number, or
/// kNobodyElse when nobody else can tell.
std::size_t Explorer::step(const shm::explore::Place& place, Access access) {
  Actor& actor = self();
  if (++actor.steps > kMostSteps) {
    fail("an actor goes round in circles");
    die();
    return kNobodyElse;
  }
  Known& known = known_[place.at];
  const unsigned mine = 1U << running_;
  known.bytes = place.bytes;
  if (access != Access::store) known.readers |= mine;
  if (access != Access::load) known.writers |= mine;
  if (known.word == kNobodyElse) {
    grown_ = grown_ || known.shared();
    return kNobodyElse;
  }
  interleave(access != Access::load);
  return known.word;
}

void Explorer::interleave(bool changes) {
  std::array<int, kMaxActors + 1> ways{running_};
  std::size_t count = 1;
  if (preemptions_left_ > 0) {
    for (std::size_t i = 0; i < actors_.size(); ++i) {
      if (i != me() && can_run(i)) ways[count++] = static_cast<int>(i);
    }
  }
  if (changes && deaths_left_ > 0 && (bounds_.mortal >> running_ & 1) != 0) ways[count++] = kNobody;
  const int way = ways[choose(count, 1)];
  if (cutting_) return vanish();
  if (way == kNobody) return die();
  if (way == running_) return;
  --preemptions_left_;
  trace("is interrupted by actor " + std::to_string(way));
  switch_to(static_cast<std::size_t>(way));
  if (cutting_) vanish();
}

/// An actor's stores that lie in its buffer reach memory at the latest when somebody else looks.
void Explorer::meet_buffers(std::size_t word) {
  for (std::size_t other = 0; other < actors_.size(); ++other) {
    if (other == me()) continue;
    const std::size_t kept = memory_.kept(other, word);
    // None that arrived comes first: few late stores are what is looked for last.
    const std::size_t late = choose(kept + 1, 2 + other);
    if (cutting_) return vanish();
    if (late != 0) trace("is not shown what actor " + std::to_string(other) + " stored");
    memory_.flush(other, word, kept - late);
  }
}

/// How many stores back the running actor sees.
std::size_t Explorer::choose_store(std::size_t word, std::memory_order order,
                                   const std::uint64_t* unless) {
  if (bounds_.mode != Mode::stale) return 0;
  auto& seen = self().stale[word];
  const bool may = stale_left_ > 0 && seen < bounds_.stale_reads;
  std::array<std::uint8_t, 8> back{};
  const std::size_t count = memory_.choices(me(), word, order, unless, back, may ? 7 : 0);
  const std::size_t way = choose(count, 20);
  if (cutting_) return vanish(), 0;
  if (way == 0) return 0;
  ++seen;
  ++stale_seen_;
  --stale_left_;
  trace("sees a store that is " + std::to_string(back[way]) + " older than the newest");
  return back[way];
}

void Explorer::die() {
  --deaths_left_;
  any_died_ = true;
  trace("dies");
  memory_.flush(me());  // what was stored reaches memory though its process is gone
  vanish();
}

/// The running actor changes nothing any more and goes as soon as it may throw.
void Explorer::vanish() {
  self().ghost = true;
  if (!self().sheltered) throw Killed{};
}

bool Explorer::can_run(std::size_t index) {
  Actor& actor = actors_[index];
  if (actor.state == State::ready || actor.state == State::fresh) return true;
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

void Explorer::wait(std::function<bool()> wake, const std::string& what) {
  memory_.flush(me());
  self().wake = std::move(wake);
  self().state = State::waiting;
  observe(3);
  trace("waits for " + what);
  schedule();
  if (cutting_) return vanish();
  // What the others told by other means than memory is part of what it saw.
  for (const Actor& actor : actors_) observe(mix(actor.observed, static_cast<int>(actor.state)));
}

/// The running actor cannot go on: another does, or the schedule ends.
void Explorer::schedule() {
  std::array<std::size_t, kMaxActors> ways{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < actors_.size() && !cutting_; ++i) {
    if (can_run(i)) ways[count++] = i;
  }
  const std::size_t way = ways[choose(count, 3)];
  if (cutting_) return tear_down();
  if (count != 0) {
    if (way == me()) {
      self().state = State::ready;
    } else {
      switch_to(way);
    }
    return;
  }
  const auto stuck = [](const Actor& actor) { return actor.state == State::waiting; };
  if (std::any_of(actors_.begin(), actors_.end(), stuck)) {
    fail("somebody waits for ever");
    cutting_ = true;
    return tear_down();
  }
  running_ = kNobody;
  setcontext(&main_);
}

/// Whoever has begun must leave its stack; then the schedule ends.
void Explorer::tear_down() {
  for (std::size_t i = 0; i < actors_.size(); ++i) {
    const State state = actors_[i].state;
    if (state != State::ready && state != State::waiting) continue;
    if (i != me()) switch_to(i);
    return;
  }
  running_ = kNobody;
  setcontext(&main_);
}

void Explorer::enter(unsigned index) {
  Explorer& explorer = *Hooks::explorer;
  Actor& actor = explorer.actors_[index];
  try {
    explorer.scenario_.actors[index]();
    explorer.interleave(true);  // a death behind the last change
    explorer.memory_.flush(index);
    actor.state = State::finished;
  } catch (const Killed&) {
    actor.state = State::dead;
  }
  if (actor.state == State::dead && !explorer.cutting_ && explorer.scenario_.died) {
    explorer.quiet_ = true;
    explorer.scenario_.died(index);
    explorer.quiet_ = false;
  }
  explorer.schedule();
}

void Explorer::run_once(const Level& level) {
  depth_ = 0;
  preemptions_left_ = level.preemptions;
  stale_left_ = level.stale;
  deaths_left_ = bounds_.deaths;
  any_died_ = cutting_ = false;
  trace_.clear();
  scenario_.begin();
  memory_.begin();
  for (std::size_t i = 0; i < actors_.size(); ++i) {
    Actor& actor = actors_[i];
    actor.state = State::fresh;
    actor.ghost = actor.sheltered = false;
    actor.steps = actor.observed = 0;
    std::fill(actor.stale.begin(), actor.stale.end(), std::uint8_t{0});
    getcontext(&actor.context);
    actor.context.uc_stack.ss_sp = actor.stack.get();
    actor.context.uc_stack.ss_size = kStackBytes;
    actor.context.uc_link = nullptr;
    makecontext(&actor.context, reinterpret_cast<void (*)()>(&Explorer::enter), 1,
                static_cast<unsigned>(i));
  }
  quiet_ = false;
  switch_to(choose(actors_.size(), 4));
  quiet_ = true;
  running_ = kNobody;
  if (memory_.raced() && failure_.empty()) {
    failure_ = "an access is not ordered with another of the same payload";
  }
  if (!cutting_ && failure_.empty()) scenario_.end();
}

}  // namespace tow::schedule
