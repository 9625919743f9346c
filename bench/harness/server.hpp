#pragma once
/// A peer's own servers, and what processes take of the machine.

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

namespace towbench {

/// A program that runs from here to the end of this object, and never longer than the benchmark.
/// Only the process that started it stops it: roles forked meanwhile leave it alone.
class Server {
 public:
  /// `environment` is added to ours, as NAME=value. What the program says goes to the file `log`.
  Server(const std::vector<std::string>& command, const std::vector<std::string>& environment,
         const std::string& log);
  Server(const Server&) = delete;
  ~Server();

  int id() const { return id_; }
  /// Throws Failure when the program has ended.
  void check();

 private:
  pid_t id_;
  std::string name_, log_;
};

/// KiB of anonymous memory of this process.
double anonymous_kib();
/// MiB of these processes and all their descendants; what several share is counted once.
double memory_mib(std::span<const int> processes);
/// KiB of the files in /dev/shm that these processes and their descendants have mapped: what the
/// files take, not what they seem to.
double shared_files_kib(std::span<const int> processes);

}  // namespace towbench
