#pragma once
/// A peer's own servers.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace towbench {

/// A folder for the files of a server; it is deleted with this object.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  ~Folder();
  std::string operator/(std::string_view name) const;
  /// Writes a file in it and returns its path.
  std::string file(std::string_view name, std::string_view text) const;

 private:
  std::string path_;
};

/// A program that runs from here to the end of this object, and never longer than the benchmark.
class Server {
 public:
  /// `environment` is added to ours, as NAME=value. What the program says goes to the file `log`.
  Server(const std::vector<std::string>& command, const std::vector<std::string>& environment,
         const std::string& log);
  Server(const Server&) = delete;
  ~Server();

  int id() const { return id_; }
  /// Waits until the program has said this. Throws Failure when it ends or does not say it in time.
  void await(std::string_view said, double seconds) const;

 private:
  bool has_ended() const;
  pid_t id_;
  std::string name_, log_;
};

}  // namespace towbench
