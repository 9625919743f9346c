#pragma once
/// What towd is told, on the command line and in its file. Both are optional.

#include <chrono>
#include <string>
#include <vector>

namespace towd {

struct Settings {
  /// Buses, as for Bus::open: a name, or a path if it has a '/'.
  std::vector<std::string> buses;
  /// Directories all of whose buses are watched, also those made later.
  std::vector<std::string> directories;
  /// How often everybody is looked at whose end nothing announces (1 to 1000 ms): processes of
  /// another PID namespace.
  std::chrono::milliseconds look_every{20};
  std::string log_level = "info";  ///< debug, info, warning, error
};

/// Reads a TOML file over `settings`. Throws std::runtime_error that names file, line and remedy.
void read_settings(const std::string& path, Settings& settings);
/// Without any bus or directory: the user's own directory of buses ($TOWPATH_DIR, or under
/// /dev/shm).
void add_defaults(Settings& settings);

}  // namespace towd
