#include "stop.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>

namespace tow::cli {
namespace {

std::atomic<bool> stopped{false};
// Readable once a stop was requested, so that no signal slips in between the look and the wait.
std::atomic<int> stop_fd{-1};

void on_signal(int) {
  stopped.store(true, std::memory_order_relaxed);  // relaxed: a mark, no data depends on it
  const std::uint64_t one = 1;
  // relaxed: set before the handler was installed
  [[maybe_unused]] const auto written =
      write(stop_fd.load(std::memory_order_relaxed), &one, sizeof one);
}

}  // namespace

std::chrono::steady_clock::time_point add(std::chrono::steady_clock::time_point time,
                                          std::chrono::nanoseconds more) {
  constexpr auto kEver = std::chrono::steady_clock::time_point::max();
  return more > kEver - time ? kEver : time + more;
}

void stop_on_signals() {
  stop_fd.store(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), std::memory_order_relaxed);  // as above
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
}

bool stop_requested() { return stopped.load(std::memory_order_relaxed); }  // relaxed: as above

bool wait_readable(int fd, std::chrono::steady_clock::time_point until) {
  using std::chrono::nanoseconds;
  const auto left = std::max<nanoseconds>(until - std::chrono::steady_clock::now(), nanoseconds(0));
  const timespec timeout{static_cast<time_t>(left.count() / 1'000'000'000),
                         static_cast<long>(left.count() % 1'000'000'000)};
  const bool endless = until == std::chrono::steady_clock::time_point::max();
  std::array<pollfd, 2> looked{pollfd{stop_fd.load(std::memory_order_relaxed), POLLIN, 0},
                               pollfd{fd, POLLIN, 0}};
  ppoll(looked.data(), looked.size(), endless ? nullptr : &timeout, nullptr);
  return looked[1].revents != 0;
}

}  // namespace tow::cli
