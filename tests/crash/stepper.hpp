#pragma once
/// A child process that runs an operation one instruction at a time, and is killed where we like.

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <set>
#include <unordered_map>

namespace tow::crash {

/// How a child is stepped. ptrace(2) where the kernel lets us; else the processor's trap flag,
/// which the child sets in itself: then the instruction behind a system call is not stopped at.
enum class Technique : std::uint8_t { ptrace, trap_flag };
/// What this machine allows, unless another was chosen.
Technique technique();
void choose_technique(Technique technique);
const char* to_text(Technique technique);

/// The `hit`-th time since the operation began (from 1) that it is about to execute the instruction
/// at `address`. Children of one parent have the same addresses.
struct Place {
  std::uint64_t address = 0;
  std::uint64_t hit = 0;
};

/// A system call's number, which is also its result, and its arguments.
struct SystemCall {
  std::uint64_t number = 0, first = 0, second = 0, third = 0;
};

/// What the child does: gets ready, operates step by step, and cleans up if it lives.
struct Script {
  std::function<void()> prepare, operate, leave;
};

/// One thread; the child has one too. The child dies with the Stepper.
class Stepper {
 public:
  /// Forks a child that prepares, and stops where the operation begins. Throws when it cannot.
  explicit Stepper(const Script& script);
  ~Stepper();
  Stepper(const Stepper&) = delete;

  /// Executes one instruction. False when the operation has ended.
  bool step();
  /// Where it stands.
  Place here() const { return here_; }
  /// True when the next instruction is a system call that may change what others find: files,
  /// locks, who sleeps. To die before or behind any other is to die behind the last change. To be
  /// asked before each step.
  bool at_effective_call();
  /// Runs at full speed. False when the operation ended first.
  bool run_to(Place place);
  void run_to_end();
  /// kill -9, and waits until the kernel has buried it.
  void kill();
  /// Lets it go on, clean up and exit; its exit status, or minus the signal that ended it.
  int finish();
  pid_t pid() const { return pid_; }

 private:
  struct Control;

  [[noreturn]] void run_child(const Script& script);
  bool arrive();
  void wait_for_stop();
  std::uint64_t peek(std::uint64_t address) const;
  void poke(std::uint64_t address, std::uint64_t word) const;
  std::uint64_t instruction() const;
  bool run_traced(Place place);
  bool run_trapped(Place place);
  static void on_trap(int, siginfo_t*, void* context);

  Control* control_;
  Technique technique_;
  pid_t pid_ = -1;
  Place here_;
  SystemCall registers_;              ///< of the next instruction, should it be a call
  bool opening_ = false;              ///< the last instruction was a call that opens a file
  std::set<std::uint64_t> unlocked_;  ///< descriptors that it has opened, and no lock is on
  std::unordered_map<std::uint64_t, std::uint64_t> hits_;
};

}  // namespace tow::crash
