#pragma once
/// Values of options as people write them: durations, sizes, start positions.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <towpath/group.hpp>

namespace tow::cli {

/// "250us", "1.5s", "2" (seconds); nothing when it is no duration.
std::optional<std::chrono::nanoseconds> parse_duration(const std::string& text);
/// "next", "oldest", "last:5", "17"; also "last=5", "sequence=17".
std::optional<Start> parse_start(const std::string& text);
/// What is wrong with it as a start, for CLI11; empty when nothing is.
std::string check_start(const std::string& text);
/// "oldest", "newest", "sequence=17", "time=10m", "offset=-5"; also with ':'.
std::optional<SeekTo> parse_seek(const std::string& text);

CLI::Option* add_duration(CLI::App* command, const std::string& name,
                          std::optional<std::chrono::nanoseconds>& target,
                          const std::string& description);
CLI::Option* add_size(CLI::App* command, const std::string& name, std::uint64_t& target,
                      const std::string& description);
/// A whole number from `least` on.
CLI::Option* add_number(CLI::App* command, const std::string& name, std::uint64_t& target,
                        const std::string& description, std::uint64_t least = 0);
/// One of the words in `choices`, which are separated by '|'.
CLI::Option* add_choice(CLI::App* command, const std::string& name, std::string& target,
                        const std::string& choices, const std::string& description);

}  // namespace tow::cli
