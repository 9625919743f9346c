#include "story.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "stage.hpp"

namespace demo {

namespace {
constexpr std::uint64_t kRedrawNs = 20'000'000;
constexpr std::size_t kBarWidth = 40;
}  // namespace

Story::Story() : terminal_(isatty(STDOUT_FILENO) == 1) {}

void Story::say(std::string_view line) {
  const std::string_view erase = bar_shown_ ? "\r\033[K" : "";
  fmt::print("{}{}\n{}", erase, line, bar_shown_ ? bar_ : "");
  std::fflush(stdout);
}

void Story::check(bool held, std::string_view line) {
  all_held_ = all_held_ && held;
  say(fmt::format("{} {}", held ? "  ok    " : "  FAILED", line));
}

void Story::progress(std::uint64_t done, std::uint64_t total, std::string_view unit) {
  if (!terminal_ || total == 0) return;
  if (done < total && now_ns() - drawn_ns_ < kRedrawNs) return;
  drawn_ns_ = now_ns();
  const std::size_t filled = done * kBarWidth / total;
  bar_ = fmt::format("  [{:#<{}}{:.<{}}] {:3} %  {} of {} {}", "", filled, "", kBarWidth - filled,
                     done * 100 / total, with_commas(done), with_commas(total), unit);
  bar_shown_ = true;
  fmt::print("\r{}\033[K", bar_);
  std::fflush(stdout);
}

void Story::end_progress() {
  if (!bar_shown_) return;
  bar_shown_ = false;
  fmt::print("\r\033[K");
  std::fflush(stdout);
}

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string human_time(double ns) {
  const auto in = [](double value, const char* unit) {
    return fmt::format("{:.{}f} {}", value, value < 9.95 ? 1 : 0, unit);
  };
  if (ns < 999.5) return fmt::format("{:.0f} ns", ns);
  if (ns < 999.5e3) return in(ns / 1e3, "us");
  if (ns < 999.5e6) return in(ns / 1e6, "ms");
  return in(ns / 1e9, "s");
}

}  // namespace demo
