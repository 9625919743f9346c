#pragma once
/// What the demo says: lines, a progress bar that stays below them, and numbers for people.

#include <cstdint>
#include <string>
#include <string_view>

namespace demo {

class Story {
 public:
  Story();
  /// A line; the bar, if any, moves below it.
  void say(std::string_view line);
  /// A line that begins with "ok" or "FAILED"; remembers failures.
  void check(bool held, std::string_view line);
  /// Redraws the bar. Off a terminal it prints nothing.
  void progress(std::uint64_t done, std::uint64_t total, std::string_view unit);
  /// Takes the bar away.
  void end_progress();
  bool all_held() const { return all_held_; }

 private:
  bool terminal_;
  bool bar_shown_ = false;
  bool all_held_ = true;
  std::uint64_t drawn_ns_ = 0;
  std::string bar_;
};

std::string with_commas(std::uint64_t number);  ///< 63,666
std::string human_time(double ns);              ///< 640 ns, 1.2 us, 14 us, 3.1 ms

}  // namespace demo
