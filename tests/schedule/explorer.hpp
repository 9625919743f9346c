#pragma once
/// A deterministic scheduler for actors that share memory: depth-first search over all schedules
/// with a bounded number of preemptions, deaths and kept-back stores.
///
/// Actors are fibers of one thread. Before each atomic operation of the product on a word that
/// another actor uses too, the explorer chooses who goes on; before each that changes memory, also
/// whether the actor dies there; and at each plain store, whether it stays in the actor's store
/// buffer until its next fence or exchange (as on x86), or until somebody else's barrier.
/// Death unwinds the actor's stack as a ghost that changes nothing.

#include <ucontext.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "towpath/shm/atomic.hpp"

namespace tow::schedule {

struct Bounds {
  int preemptions = 2;
  int deaths = 0;         ///< how many actors may die in one schedule
  unsigned mortal = ~0U;  ///< which actors may, one bit each
  int kept_back = 0;      ///< how many stores may stay in a store buffer
  double seconds = 6;     ///< then the search ends, incomplete
};

struct Scenario {
  std::function<void()> begin;                ///< sets the memory up anew; not interleaved
  std::vector<std::function<void()>> actors;  ///< run interleaved
  std::function<void(std::size_t)> died;      ///< an actor was killed
  std::function<void()> end;                  ///< checks what is left; not interleaved
};

struct Report {
  std::uint64_t schedules = 0;
  std::uint64_t deaths = 0;  ///< schedules in which somebody died
  int complete_up_to = -1;   ///< all schedules with so many preemptions were run
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
  enum class State : std::uint8_t { ready, waiting, finished, dead };
  struct Kept {
    void* word;
    std::uint64_t value;
    std::size_t bytes;
  };
  struct Actor {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    State state = State::ready;
    bool ghost = false;
    std::function<bool()> wake;
    std::vector<Kept> buffer;
    std::uint64_t steps = 0;
  };
  struct Choice {
    std::uint8_t taken, count;
  };
  struct Users {
    unsigned readers = 0, writers = 0;
    bool shared() const {
      const unsigned all = readers | writers;
      return writers != 0 && (all & (all - 1)) != 0;
    }
  };

  void search(Report& report, double until);
  bool run_once(int preemptions);
  bool next_path();
  std::size_t choose(std::size_t count);
  static void enter(unsigned actor);
  void schedule();
  bool can_run(std::size_t actor);
  void switch_to(std::size_t actor);
  void note(const void* word, shm::explore::Op op);
  bool is_shared(const void* word) const;
  void step(const void* word, shm::explore::Op op);
  void die();
  void drain(std::size_t actor);
  void trace(const std::string& what);

  Scenario scenario_;
  Bounds bounds_;
  std::vector<Actor> actors_;
  ucontext_t main_{};
  std::vector<Choice> path_;
  std::size_t depth_ = 0;
  int preemptions_left_ = 0, deaths_left_ = 0, kept_left_ = 0, preemption_bound_ = 0;
  bool any_died_ = false;
  int running_ = -1;
  bool quiet_ = true;
  std::unordered_map<const void*, Users> seen_;    ///< in all runs so far
  std::unordered_map<const void*, Users> shared_;  ///< as it was when this search began
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

/// Runs the search and prints how far it got.
Report explore(const std::string& name, Scenario scenario, const Bounds& bounds);

}  // namespace tow::schedule
