#pragma once
/// SIGINT and SIGTERM end a command in order: it leaves the bus, and prints what it has to say.

#include <chrono>

namespace tow::cli {

/// How long a wait lasts at most before it looks whether it should stop.
inline constexpr std::chrono::milliseconds kLookForStop{50};

/// `time` + `more`, without running over.
std::chrono::steady_clock::time_point add(std::chrono::steady_clock::time_point time,
                                          std::chrono::nanoseconds more);
/// From here on the signals only set a mark. A second one kills.
void stop_on_signals();
bool stop_requested();
/// Waits until `fd` is readable (-1: for nothing), the time has come, or a stop was requested.
/// True when `fd` is readable.
bool wait_readable(int fd, std::chrono::steady_clock::time_point until);

}  // namespace tow::cli
