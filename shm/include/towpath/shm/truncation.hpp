#pragma once
/// Files that somebody truncates while we have them mapped.
///
/// The kernel answers an access behind the end of a file with SIGBUS. A handler, installed with
/// the first mapping, maps zeros over what was hit and over everything that shares its fate, so
/// that the access goes on and the handles of that topic find out at their next look. Nothing else
/// changes: not for other topics, not for other processes. All of this is private to the process.
///
/// A handler that was there before gets what is not ours. A program that installs one of its own
/// later must do the same for the one it found.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace tow::shm {

/// What mappings share that are of no use without each other: those of one topic in one process.
/// Thread-safe.
class Fate {
 public:
  /// True from the moment on at which one of the files was found truncated.
  bool broken() const {
    // relaxed: a mark; the text behind it has an order of its own
    return state_.load(std::memory_order_relaxed) != kWhole;
  }
  /// Path of the file that was truncated; empty when there is none.
  std::string file() const;

 private:
  friend class MappedFile;
  enum : std::uint32_t { kWhole, kBreaking, kBroken };
  /// Called by the handler: allocates nothing, locks nothing.
  void end(const char* file);

  std::atomic<std::uint32_t> state_{kWhole};
  std::array<char, 512> file_{};
};

}  // namespace tow::shm
