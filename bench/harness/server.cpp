#include "server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "stage.hpp"

namespace towbench {
namespace {

constexpr useconds_t kLookUs = 10'000;

/// Becomes the program, or ends.
[[noreturn]] void become(const std::vector<std::string>& command,
                         const std::vector<std::string>& environment, const std::string& log) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  for (const std::string& variable : environment) {
    const std::size_t sign = variable.find('=');
    setenv(variable.substr(0, sign).c_str(), variable.substr(sign + 1).c_str(), 1);
  }
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Folder::Folder() : path_(std::filesystem::temp_directory_path() / "towbench-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) throw Failure("cannot make " + path_);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::operator/(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

std::string Folder::file(std::string_view name, std::string_view text) const {
  std::string path = *this / name;
  if (!(std::ofstream(path) << text).flush()) throw Failure("cannot write " + path);
  return path;
}

Server::Server(const std::vector<std::string>& command, const std::vector<std::string>& environment,
               const std::string& log)
    : id_(fork()), name_(command.at(0)), log_(log) {
  if (id_ == 0) become(command, environment, log);
  if (id_ < 0) throw Failure("cannot fork for " + name_);
}

Server::~Server() {
  constexpr int kLooks = 1000;
  kill(id_, SIGTERM);
  for (int i = 0; i < kLooks; ++i) {
    if (waitpid(id_, nullptr, WNOHANG) != 0) return;
    usleep(kLookUs);
  }
  kill(id_, SIGKILL);
  waitpid(id_, nullptr, 0);
}

bool Server::has_ended() const {
  siginfo_t ended{};
  const int flags = WEXITED | WNOHANG | WNOWAIT;
  return waitid(P_PID, static_cast<id_t>(id_), &ended, flags) != 0 || ended.si_pid != 0;
}

void Server::await(std::string_view said, double seconds) const {
  const auto looks = static_cast<int>(seconds * 1e6 / kLookUs);
  for (int i = 0; i < looks && !has_ended(); ++i) {
    if (text_of(log_).find(said) != std::string::npos) return;
    usleep(kLookUs);
  }
  constexpr std::size_t kEnd = 400;
  const std::string log = text_of(log_);
  throw Failure(fmt::format("{} did not start: {}", name_,
                            log.substr(log.size() > kEnd ? log.size() - kEnd : 0)));
}

}  // namespace towbench
