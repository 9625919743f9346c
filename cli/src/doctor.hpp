#pragma once
/// What tow doctor looks at. Each function looks at one thing and says what to do about it.

#include <string>
#include <vector>

namespace tow::cli {

enum class Verdict { ok, warn, fail };

struct Finding {
  std::string name;  ///< stable: a key for programs
  Verdict verdict = Verdict::ok;
  std::string text;    ///< what is
  std::string remedy;  ///< what to do, unless ok
};

/// The filesystem under `path`, the directory of a bus that need not exist.
std::vector<Finding> examine_filesystem(const std::string& path);
/// What the kernel can do, and what it lets this process have.
std::vector<Finding> examine_kernel();
/// Processor, clocks, and systemd.
std::vector<Finding> examine_host();

/// First line of a small file, without spaces around it; empty when it cannot be read.
std::string first_line(const std::string& path);

}  // namespace tow::cli
