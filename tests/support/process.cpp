#include "tests/support/process.hpp"

#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

#ifdef __SANITIZE_THREAD__
// Children that start threads of their own are forked from a process that may have had some.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }
#endif

namespace tow::test {
namespace {

[[noreturn]] void run_child(const std::function<void()>& body, uid_t user) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (user != 0 && (setgroups(0, nullptr) != 0 || setgid(user) != 0 || setuid(user) != 0)) {
    _exit(2);
  }
  if (user != 0) prctl(PR_SET_PDEATHSIG, SIGKILL);  // changing the user cleared it
  int status = 0;
  try {
    body();
  } catch (const std::exception& failure) {
    std::cerr << "child: " << failure.what() << std::endl;
    status = 1;
  }
  if (testing::Test::HasFailure()) status = 1;
  std::cout.flush();
  std::fflush(nullptr);
  _exit(status);
}

char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto end = text.rfind(") ");
  return end == std::string::npos ? '?' : text[end + 2];
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kWatchdog;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

Child::Child(const std::function<void()>& body, uid_t user) {
  std::cout.flush();
  std::fflush(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) run_child(body, user);
}

Child::~Child() { kill(); }

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  return *this;
}

int Child::wait() {
  if (pid_ < 0) return -1;
  int status = 0;
  const bool ended = eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
  if (!ended) {
    ADD_FAILURE() << "process " << pid_ << " did not end; killed";
    ::kill(pid_, SIGKILL);
    waitpid(pid_, &status, 0);
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void Child::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void Child::stop() {
  ::kill(pid_, SIGSTOP);
  int status = 0;
  waitpid(pid_, &status, WUNTRACED);
  if (!WIFSTOPPED(status)) pid_ = -1;  // it had ended
}

void Child::go_on() { ::kill(pid_, SIGCONT); }

bool Child::asleep() const { return state_of(pid_) == 'S'; }

void sleep_until_killed() {
  while (true) pause();
}

bool is_root() { return geteuid() == 0; }

}  // namespace tow::test
