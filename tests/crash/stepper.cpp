#include "stepper.hpp"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "clock.hpp"

#if !defined(__x86_64__)
#error "tests/crash steps x86-64 instructions only"
#endif

namespace tow::crash {
namespace {

constexpr std::uint64_t kTrapFlag = 0x100;

// The operation lies between these two. They are told apart by what they return.
[[gnu::noinline]] int operation_begins() {
  asm volatile("");
  return 1;
}
[[gnu::noinline]] int operation_ends() {
  asm volatile("");
  return 2;
}
const auto kBegin = reinterpret_cast<std::uint64_t>(&operation_begins);
const auto kEnd = reinterpret_cast<std::uint64_t>(&operation_ends);

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

void set_trap_flag() { asm volatile("pushfq; orq $0x100, (%%rsp); popfq" : : : "memory", "cc"); }

}  // namespace

/// What the trap flag's handler in the child and its parent tell each other.
struct Stepper::Control {
  enum Order : std::uint32_t { stopped, step, run, go };
  std::atomic<std::uint32_t> order;  ///< the child stores `stopped`, the parent what to do next
  std::atomic<std::uint64_t> address;
  SystemCall registers;  ///< ordered by `order`
  std::atomic<std::uint64_t> target, hits;

  void wait_while(std::uint32_t value) {
    constexpr timespec kPiece{0, 20'000'000};
    if (order.load() == value) syscall(SYS_futex, &order, FUTEX_WAIT, value, &kPiece, nullptr, 0);
  }
  void tell(std::uint32_t value) {
    order.store(value);
    syscall(SYS_futex, &order, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
};

namespace {
void* child_control = nullptr;  // the handler's
}

namespace {

/// Asks the kernel.
Technique allowed_technique() {
  const pid_t pid = fork();
  if (pid == 0) _exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Technique::ptrace : Technique::trap_flag;
}

std::optional<Technique> chosen;

}  // namespace

Technique technique() {
  if (!chosen) chosen = allowed_technique();
  return *chosen;
}

void choose_technique(Technique technique) { chosen = technique; }

const char* to_text(Technique technique) {
  return technique == Technique::ptrace ? "ptrace" : "the trap flag (ptrace is not allowed here)";
}

Stepper::Stepper(const Script& script) : technique_(technique()) {
  void* const memory =
      mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("map");
  control_ = new (memory) Control{};
  control_->order.store(Control::run);
  control_->target.store(kBegin);
  control_->hits.store(1);
  pid_ = fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) run_child(script);
  if (technique_ == Technique::ptrace) wait_for_stop();  // SIGSTOP: it has prepared
  if (technique_ == Technique::ptrace ? !run_traced({kBegin, 1}) : !arrive()) {
    fail("the operation did not begin");
  }
  hits_.clear();
  here_.hit = ++hits_[here_.address];
}

Stepper::~Stepper() {
  kill();
  munmap(control_, sizeof *control_);
}

void Stepper::run_child(const Script& script) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    if (technique_ == Technique::ptrace) {
      script.prepare();
      let_time_pass_by_looks();
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(3);
      raise(SIGSTOP);
    } else {
      child_control = control_;
      struct sigaction action {};
      action.sa_sigaction = &Stepper::on_trap;
      action.sa_flags = SA_SIGINFO;
      sigaction(SIGTRAP, &action, nullptr);
      script.prepare();
      let_time_pass_by_looks();
      set_trap_flag();
    }
    operation_begins();
    script.operate();
    operation_ends();
    script.leave();
    _exit(0);
  } catch (const std::exception& failure) {
    fprintf(stderr, "the operation failed: %s\n", failure.what());
    _exit(1);
  }
}

void Stepper::on_trap(int, siginfo_t*, void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  auto& control = *static_cast<Control*>(child_control);
  const auto address = static_cast<std::uint64_t>(registers[REG_RIP]);
  const std::uint32_t order = control.order.load();
  if (order == Control::run && address != kEnd) {
    if (address != control.target.load() || control.hits.fetch_sub(1) != 1) return;
  }
  control.address.store(address);
  const auto word = [&registers](int name) { return static_cast<std::uint64_t>(registers[name]); };
  control.registers = {word(REG_RAX), word(REG_RDI), word(REG_RSI), word(REG_RDX)};
  control.tell(Control::stopped);
  while (control.order.load() == Control::stopped) control.wait_while(Control::stopped);
  if (control.order.load() == Control::go) {
    registers[REG_EFL] &= ~static_cast<greg_t>(kTrapFlag);
  }
}

/// Waits for the child's next stop and notes where it is. False at the operation's end.
void Stepper::wait_for_stop() {
  int status = 0;
  if (technique_ == Technique::ptrace) {
    if (waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) {
      pid_ = -1;
      throw std::runtime_error("the child ended before its operation did, status " +
                               std::to_string(status));
    }
    user_regs_struct registers{};
    ::ptrace(PTRACE_GETREGS, pid_, nullptr, &registers);
    here_.address = registers.rip;
    registers_ = {registers.rax, registers.rdi, registers.rsi, registers.rdx};
    return;
  }
  while (control_->order.load() != Control::stopped) {
    control_->wait_while(control_->order.load());
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("the child ended before its operation did, status " +
                               std::to_string(status));
    }
  }
  here_.address = control_->address.load();
  registers_ = control_->registers;
}

bool Stepper::arrive() {
  wait_for_stop();
  here_.hit = ++hits_[here_.address];
  return here_.address != kEnd;
}

bool Stepper::step() {
  if (technique_ == Technique::ptrace) {
    ::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr);
  } else {
    control_->tell(Control::step);
  }
  return arrive();
}

std::uint64_t Stepper::peek(std::uint64_t address) const {
  return static_cast<std::uint64_t>(
      ::ptrace(PTRACE_PEEKTEXT, pid_, reinterpret_cast<void*>(address), nullptr));
}

void Stepper::poke(std::uint64_t address, std::uint64_t word) const {
  if (::ptrace(PTRACE_POKETEXT, pid_, reinterpret_cast<void*>(address),
               reinterpret_cast<void*>(word)) != 0) {
    fail("set a breakpoint");
  }
}

std::uint64_t Stepper::instruction() const {
  if (technique_ == Technique::ptrace) return peek(here_.address);
  std::uint64_t word;  // the child has our text
  std::memcpy(&word, reinterpret_cast<const void*>(here_.address), sizeof word);
  return word;
}

bool Stepper::at_effective_call() {
  constexpr std::uint64_t kTwoBytes = 0xFFFF, kSyscall = 0x050F;
  // A trap flag stops one instruction too late to see what a call returned.
  const bool returned = std::exchange(opening_, false) && technique_ == Technique::ptrace;
  if (returned) unlocked_.insert(registers_.number);
  if ((instruction() & kTwoBytes) != kSyscall) return false;
  switch (registers_.number) {
    case SYS_openat:
      opening_ = true;
      return (registers_.third & (O_CREAT | O_TRUNC | O_TMPFILE)) != 0;
    case SYS_close:
      return unlocked_.erase(registers_.first) == 0;
    case SYS_fcntl:
      if (registers_.second == F_OFD_GETLK) return false;
      unlocked_.erase(registers_.first);
      return true;
    case SYS_read:
    case SYS_pread64:
    case SYS_lseek:
    case SYS_fstat:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_fstatfs:
    case SYS_access:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_readlink:
    case SYS_getdents64:
    case SYS_mmap:
    case SYS_mprotect:
    case SYS_munmap:
    case SYS_brk:
    case SYS_getpid:
    case SYS_gettid:
    case SYS_geteuid:
    case SYS_clock_gettime:
      return false;
    default:
      return true;
  }
}

bool Stepper::run_to(Place place) {
  return technique_ == Technique::ptrace ? run_traced(place) : run_trapped(place);
}

void Stepper::run_to_end() { run_to({kEnd, UINT64_MAX}); }

bool Stepper::run_trapped(Place place) {
  control_->target.store(place.address);
  control_->hits.store(place.hit - hits_[place.address]);
  control_->tell(Control::run);
  return arrive();
}

/// Breakpoints at the place and at the operation's end.
bool Stepper::run_traced(Place place) {
  constexpr std::uint64_t kBreak = 0xCC;
  const std::uint64_t end_text = peek(kEnd), text = peek(place.address);
  poke(kEnd, (end_text & ~0xFFULL) | kBreak);
  while (true) {
    // Off the place with the real instruction, then on at full speed.
    if (here_.address == place.address) {
      ::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr);
      wait_for_stop();
    }
    if (here_.address != kEnd && here_.address != place.address) {
      poke(place.address, (text & ~0xFFULL) | kBreak);
      ::ptrace(PTRACE_CONT, pid_, nullptr, nullptr);
      wait_for_stop();
      poke(place.address, text);
      user_regs_struct registers{};
      ::ptrace(PTRACE_GETREGS, pid_, nullptr, &registers);
      here_.address = registers.rip -= 1;
      ::ptrace(PTRACE_SETREGS, pid_, nullptr, &registers);
    }
    here_.hit = ++hits_[here_.address];
    const bool ended = here_.address == kEnd;
    if (!ended && here_.hit < place.hit) continue;
    poke(kEnd, end_text);
    return !ended;
  }
}

void Stepper::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status)) {
  }
  pid_ = -1;
}

int Stepper::finish() {
  if (technique_ == Technique::ptrace) {
    ::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
  } else {
    control_->tell(Control::go);
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace tow::crash
