#pragma once
/// Running another program for one request.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tow::cli {

struct Ran {
  int code = 0;  ///< its exit code, or 128 + the signal that ended it
  std::string out, err;
};

/// Runs `command`, found in PATH, with `input` on its stdin, and collects what it prints. Throws
/// std::system_error when it cannot be started.
Ran run_command(const std::vector<std::string>& command, std::span<const std::byte> input);

}  // namespace tow::cli
