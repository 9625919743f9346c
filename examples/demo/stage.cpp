#include "stage.hpp"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace demo {
namespace {

constexpr int kInterrupts[] = {SIGINT, SIGTERM, SIGHUP};
constexpr std::uint64_t kPatienceNs = 120'000'000'000;

sig_atomic_t interrupted = 0;
void on_interrupt(int) { interrupted = 1; }

void set_handlers(void (*handler)(int)) {
  for (const int signal : kInterrupts) {
    struct sigaction action {};
    action.sa_handler = handler;
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

TemporaryFolder::TemporaryFolder(const std::string& parent)
    : path_(parent + "/towpath-demo-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) {
    throw std::runtime_error(path_ + ": " + std::strerror(errno));
  }
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Child::Child(std::string name, const std::function<int()>& role) : name_(std::move(name)) {
  std::fflush(nullptr);  // else the child would print what we have not printed yet
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  prctl(PR_SET_NAME, ("demo-" + name_).c_str());
  set_handlers(SIG_DFL);
  int code = 1;
  try {
    code = role();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "\n%s: %s\n", name_.c_str(), error.what());
  }
  std::fflush(nullptr);
  _exit(code);  // what the parent will clean up must not be cleaned up twice
}

Child::Child(Child&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, 0)),
      ended_(other.ended_),
      status_(other.status_) {}

Child::~Child() {
  if (pid_ <= 0 || ended_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, &status_, 0);
}

std::uint64_t Child::kill_now() {
  const std::uint64_t before_ns = now_ns();
  kill(pid_, SIGKILL);
  return before_ns;
}

bool Child::ended() {
  if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return ended_;
}

bool Child::succeeded() const { return WIFEXITED(status_) && WEXITSTATUS(status_) == 0; }

bool Child::was_killed() const { return WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL; }

void catch_interrupts() {
  set_handlers(on_interrupt);
  signal(SIGPIPE, SIG_IGN);  // `towpath_demo | head` must not end us either
}

void stop_if_interrupted() {
  if (interrupted != 0) throw Interrupted();
}

void patience(std::string_view what, std::vector<Child*> children,
              const std::function<bool()>& done, unsigned period_us) {
  const std::uint64_t begin_ns = now_ns();
  while (!done()) {
    stop_if_interrupted();
    for (Child* child : children) {
      if (child->ended() && !child->succeeded() && !child->was_killed()) {
        throw std::runtime_error(child->name() + " failed");
      }
    }
    if (now_ns() - begin_ns > kPatienceNs) {
      throw std::runtime_error("waited two minutes for " + std::string(what));
    }
    usleep(period_us);
  }
}

void pin(Side side) {
  cpu_set_t allowed, chosen;
  CPU_ZERO(&chosen);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    CPU_ZERO(&chosen);
    CPU_SET(cpu, &chosen);
    if (side == Side::sender) break;
  }
  sched_setaffinity(0, sizeof(chosen), &chosen);  // not allowed: then as it was
}

std::string shell_word(const std::string& path) {
  std::string word = "'";
  for (const char c : path) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string sha256_of(const std::string& path) {
  FILE* pipe = popen(("sha256sum < " + shell_word(path)).c_str(), "r");
  if (pipe == nullptr) return {};
  char digest[65] = {};
  const bool read = std::fread(digest, 1, 64, pipe) == 64;
  const bool succeeded = pclose(pipe) == 0;
  stop_if_interrupted();
  return read && succeeded ? digest : "";
}

}  // namespace demo
