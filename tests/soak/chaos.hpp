#pragma once
/// The test process's side: starts children, kills and stops them at random, replaces them, and
/// barks when somebody is stuck. It never opens the bus, so its children inherit nothing of it.

#include <sys/types.h>

#include <random>
#include <vector>

#include "shared_log.hpp"

namespace tow::soak {

struct Outcome {
  int kills = 0;
  int stops = 0;
  double seconds = 0;
};

class Chaos {
 public:
  Chaos(const Plan& plan, SharedLog& log);
  ~Chaos();
  Chaos(const Chaos&) = delete;
  /// The whole run: everybody starts, `plan.kills` of them are killed, everybody ends, leaks are
  /// counted. What went wrong is in the log.
  Outcome run();

 private:
  struct Child {
    Role role;
    std::size_t place;
    pid_t pid = 0;
    std::uint64_t resume_ns = 0;  ///< stopped until then; 0 = running
  };

  void spawn(Child& child);
  void kill_child(Child& child);
  bool bury(Child& child, bool expected);
  void strike();
  void resume_stopped(bool all);
  void replace_gone();
  bool someone_stuck();
  template <class Word>
  bool wait_for(const Word& word);
  void end_everybody();
  void pause(std::uint64_t most_us);

  const Plan& plan_;
  SharedLog& log_;
  std::mt19937_64 random_;
  std::vector<Child> children_;
  Outcome outcome_;
};

}  // namespace tow::soak
