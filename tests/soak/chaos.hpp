#pragma once
/// The test process's side: starts children, kills and stops them at random, replaces them, and
/// barks when somebody is stuck. It never opens the bus, so its children inherit nothing of it.

#include <sys/types.h>

#include <array>
#include <random>
#include <vector>

#include "shared_log.hpp"

namespace tow::soak {

struct Outcome {
  std::uint64_t kills = 0, stops = 0;
  std::array<std::uint64_t, 4> kills_in{};  ///< by what the killed one did, see Step
  double seconds = 0;
};

class Chaos {
 public:
  Chaos(const Plan& plan, SharedLog& log);
  ~Chaos();
  Chaos(const Chaos&) = delete;
  /// The whole round: everybody starts, `plan.kills` of them are killed, everybody ends, leaks are
  /// counted. What went wrong is in the log.
  Outcome run();

 private:
  struct Child {
    Role role;
    std::size_t place;
    bool spared = false;
    pid_t pid = 0;
    bool killed = false;          ///< not buried yet
    bool told = false;            ///< to end, in order
    std::uint64_t resume_ns = 0;  ///< stopped until then; 0 = running
  };

  void spawn(Child& child);
  void strike();
  Child& victim();
  void stop(Child& child);
  void kill_child(Child& child);
  bool bury(Child& child, bool wait);
  void resume_stopped(bool all);
  void replace_gone();
  bool someone_stuck();
  template <class Condition>
  bool wait_for(const Condition& condition);
  void end_publishers();
  void end_everybody();
  void pause();
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  const Plan& plan_;
  SharedLog& log_;
  std::mt19937_64 random_;
  std::vector<Child> children_;
  std::size_t newest_ = 0;
  double most_us_ = 10'000;  ///< between two blows
  Outcome outcome_;
};

}  // namespace tow::soak
