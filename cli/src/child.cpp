#include "child.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <system_error>
#include <utility>

namespace tow::cli {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw std::system_error(errno, std::generic_category(), "make a pipe");
    }
  }
  ~Pipe() {
    for (const int end : ends) {
      if (end >= 0) close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  int take(std::size_t end) { return std::exchange(ends[end], -1); }

  std::array<int, 2> ends{-1, -1};  ///< to read from, to write to
};

pid_t spawn(const std::vector<std::string>& command, const Pipe& in, const Pipe& out,
            const Pipe& err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in.ends[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err.ends[1], STDERR_FILENO);
  // tow ignores this signal; its children shall not.
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));  // which it does not change
  }
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int failure =
      posix_spawnp(&pid, arguments[0], &files, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failure != 0) {
    throw std::system_error(failure, std::generic_category(),
                            "start " + command[0] + "; check its name and PATH");
  }
  return pid;
}

int exit_code_of(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Ran run_command(const std::vector<std::string>& command, std::span<const std::byte> input) {
  Pipe in, out, err;
  const pid_t pid = spawn(command, in, out, err);
  boost::asio::io_context io;
  Ran ran;
  // Ours, and no others: its ends close when it does.
  for (const int end : {in.take(0), out.take(1), err.take(1)}) close(end);
  Descriptor to(io, in.take(1)), from(io, out.take(0)), complaints(io, err.take(0));
  boost::asio::async_write(to, boost::asio::buffer(input.data(), input.size()),
                           [&to](auto, auto) { to.close(); });  // it may have read enough
  const auto until_its_end = [](auto, auto) {};
  boost::asio::async_read(from, boost::asio::dynamic_buffer(ran.out), until_its_end);
  boost::asio::async_read(complaints, boost::asio::dynamic_buffer(ran.err), until_its_end);
  io.run();
  ran.code = exit_code_of(pid);
  return ran;
}

}  // namespace tow::cli
