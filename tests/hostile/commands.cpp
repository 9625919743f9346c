// The victims that are programs of their own: tow, one command after the other, and towd.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>

#include "stage.hpp"
#include "towpath/shm/clock.hpp"

namespace tow::hostile {
namespace {

/// A sanitizer that found something says so by this exit status; tow's own are 0 to 4.
constexpr int kSanitizer = 99;
constexpr std::uint64_t kTooLongNs = 30'000'000'000;

/// Starts a program with its output in a file.
pid_t start(const std::string& program, const std::vector<std::string>& arguments,
            const std::string& output) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  setenv("ASAN_OPTIONS", "exitcode=99:detect_leaks=0", 1);
  setenv("UBSAN_OPTIONS", "exitcode=99:print_stacktrace=1", 1);
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& word : arguments) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  _exit(127);
}

std::string end_of(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto at = text.find("ERROR: AddressSanitizer");
  const auto undefined = text.find("runtime error");
  const auto from = std::min(at, undefined);
  return from == std::string::npos
             ? text.substr(text.size() - std::min<std::size_t>(text.size(), 300))
             : text.substr(from, 340);
}

/// Waits for the end; says what was wrong about it.
void judge(Victim& self, pid_t pid, const std::string& what, const std::string& output) {
  int status = 0;
  const std::uint64_t start_ns = shm::monotonic_ns();
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (shm::monotonic_ns() - start_ns > kTooLongNs) {
      self.log.fault(what + " hangs");
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      return;
    }
    usleep(1000);
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  if (code < 0 || code > 4) {
    self.log.fault(what + " ended with " + std::to_string(code) + ": " + end_of(output));
  }
}

}  // namespace

void run_tow(Victim& self) {
  const std::string topic = kAttacked;
  const std::vector<std::vector<std::string>> commands = {
      {"ls", "-l"},
      {"info", topic},
      {"ps"},
      {"sub", topic, "--from", "oldest", "--timeout", "20ms", "-n", "200", "--format", "hex"},
      {"pub", topic, "-n", "50", "--when-full", "drop", "-q"},
      {"heal"},
      {"ls", "--json"},
      {"info", topic, "--json"},
      {"sub", topic, "--required", "--from", "last:5", "--timeout", "20ms", "-n", "5", "--format",
       "json"},
      {"ps", "--json"},
      {"doctor"},
      {"hz", topic, "-n", "1", "--timeout", "50ms"},
      {"pub", topic, "--size", "5000", "-n", "5", "--when-full", "fail", "-q"},
  };
  const std::string output = self.plan.bus + ".tow";
  while (!self.over()) {
    std::vector<std::string> words = commands[draw(self.random, 0, commands.size() - 1)];
    const std::string what = "tow " + words[0];
    words.insert(words.begin(), {"--bus", self.plan.bus});
    judge(self, start(TOWPATH_TOW, words, output), what, output);
    self.step();
  }
}

void run_towd(Victim& self) {
  const std::string output = self.plan.bus + ".towd";
  const pid_t pid = start(TOWPATH_TOWD, {"--bus", self.plan.bus}, output);
  int status = 0;
  while (!self.over() && waitpid(pid, &status, WNOHANG) == 0) {
    usleep(2000);
    self.step();
  }
  if (!self.over()) {
    return self.log.fault("towd ended while the run went on: " + end_of(output));
  }
  kill(pid, SIGTERM);
  judge(self, pid, "towd", output);
}

}  // namespace tow::hostile
