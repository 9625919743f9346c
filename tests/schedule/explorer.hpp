#pragma once
/// A deterministic scheduler for actors that share memory: depth-first search over all schedules,
/// kills, and what each load may see (memory.hpp).
///
/// Actors are fibers of one thread. Before each atomic operation of the product on a word that
/// another actor uses too, the explorer chooses who goes on; before each that changes such a word,
/// and at an actor's end, also whether the actor dies there; and at a load, which of the stores it
/// sees. A kill between operations that nobody else can see is the same as one before the next that
/// somebody can. Death unwinds the actor's stack as a ghost that changes nothing.
///
/// An actor is determined by what it has seen. So a state is what memory may still show, and for
/// each actor a hash of all it saw; a schedule ends where another passed through the same state
/// with as many preemptions left. What actors learn otherwise (a kernel's answer, the end of a
/// wait) is hashed as well; what a test's own variables tell them must follow from that.

#include <ucontext.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "memory.hpp"
#include "towpath/shm/atomic.hpp"
#include "visited.hpp"

namespace tow::schedule {

inline constexpr int kAll = 10'000;  ///< no bound: more than there are

struct Bounds {
  int preemptions = kAll;
  int deaths = 0;         ///< how many actors may die in one schedule
  unsigned mortal = ~0U;  ///< which actors may, one bit each
  int stale_reads = 2;    ///< how often an actor may see an older store of one word
  double seconds = 1;     ///< then the search ends, incomplete
  std::uint64_t schedules = ~std::uint64_t{0};  ///< the same after so many
  Mode mode = Mode::sequential;
};

struct Scenario {
  std::function<void()> begin;                ///< sets the memory up anew; not interleaved
  std::vector<std::function<void()>> actors;  ///< run interleaved
  std::function<void(std::size_t)> died{};    ///< an actor was killed
  std::function<void()> end{};                ///< checks what is left; not interleaved
  /// Which actors, one bit each, must be done with loads of this word before others store to it.
  std::function<unsigned(const void*)> guards{};
};

struct Report {
  std::uint64_t schedules = 0;
  std::uint64_t deaths = 0;  ///< schedules in which somebody died
  std::uint64_t stale = 0;   ///< loads that saw an older store
  std::uint64_t states = 0;  ///< different ones, in the last search
  int preemptions = -1;      ///< all schedules with so many were run
  bool complete = false;     ///< all that Bounds allow
  std::string failure;       ///< the first one, with its schedule; empty = none
};

class Explorer {
 public:
  Explorer(Scenario scenario, const Bounds& bounds);
  ~Explorer();
  Explorer(const Explorer&) = delete;
  /// Searches until the first failure, the end of the search, or of the time.
  Report run();

 private:
  friend struct Hooks;
  enum class State : std::uint8_t { fresh, ready, waiting, finished, dead };
  enum class Access : std::uint8_t { load, store, exchange };
  static constexpr std::size_t kNobodyElse = ~std::size_t{0};
  static constexpr int kNobody = -1;
  struct Actor {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    State state = State::fresh;
    bool ghost = false;
    bool sheltered = false;  ///< must not throw: a destructor runs
    std::function<bool()> wake;
    std::uint64_t steps = 0;
    std::uint64_t observed = 0;       ///< hash of all that it saw
    std::vector<std::uint8_t> stale;  ///< of each word, how often it saw an older store
  };
  struct Choice {
    std::uint8_t taken, count;
  };
  struct Known {
    unsigned readers = 0, writers = 0;
    std::size_t bytes = 0;
    std::size_t word = kNobodyElse;  ///< its number in Memory
    /// What several only write tells nobody anything.
    bool shared() const {
      const unsigned all = readers | writers;
      return readers != 0 && writers != 0 && (all & (all - 1)) != 0;
    }
  };
  /// One search: all schedules with so many preemptions and stale reads.
  struct Level {
    int preemptions, stale;
  };

  std::vector<Level> levels() const;
  bool search(const Level& level, Report& report, double until);
  void number_words();
  void run_once(const Level& level);
  bool next_path();
  std::size_t choose(std::size_t count, std::uint64_t what);
  std::uint64_t state(std::uint64_t what) const;
  static void enter(unsigned actor);
  void schedule();
  void tear_down();
  bool can_run(std::size_t actor);
  void switch_to(std::size_t actor);
  std::size_t step(const shm::explore::Place& place, Access access);
  void interleave(bool changes);
  void meet_buffers(std::size_t word);
  std::size_t choose_store(std::size_t word, std::memory_order order, const std::uint64_t* unless);
  void observe(std::uint64_t value);
  void die();
  void vanish();
  void wait(std::function<bool()> wake, const std::string& what);
  void fail(const std::string& text);
  void trace(const std::string& what);
  Actor& self() { return actors_[static_cast<std::size_t>(running_)]; }
  std::size_t me() const { return static_cast<std::size_t>(running_); }

  Scenario scenario_;
  Bounds bounds_;
  std::vector<Actor> actors_;
  ucontext_t main_{};
  Memory memory_;
  std::unordered_map<const void*, Known> known_;
  std::vector<Choice> path_;
  std::size_t depth_ = 0;
  Visited visited_;
  int preemptions_left_ = 0, deaths_left_ = 0, stale_left_ = 0;
  std::uint64_t stale_seen_ = 0;
  bool any_died_ = false;
  bool grown_ = false;    ///< a word turned out to be shared
  bool cutting_ = false;  ///< this schedule was seen before from here on
  int running_ = kNobody;
  bool quiet_ = true;
  std::string failure_;
  std::string trace_;
};

/// For actors. Says that a promise was broken.
void fail(const std::string& text);
/// For actors: stands for a futex wait. Goes on once `wake` is true; if nobody can make it so, the
/// schedule has failed.
void wait_until(std::function<bool()> wake, const std::string& what);
/// For actors: a point at which another may run although no atomic is touched.
void breathe();
/// For actors: runs what may not be left by an exception; a death in it takes effect behind it.
void shelter(const std::function<void()>& body);
/// For actors: accesses of payload that must be ordered with all others of the same memory.
std::uint64_t plain_load(const std::uint64_t& word);
void plain_store(std::uint64_t& word, std::uint64_t value);
/// For begin(): whether the kernel has membarrier(2) for publishers that attach from now on.
void let_register_for_barriers(bool allowed);
/// The lock on byte `lock` of the running actor is gone, with its process or by its own hand.
void unlocked(std::size_t lock);

}  // namespace tow::schedule
