#include "values.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace tow::cli {
namespace {

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc{} || rest != end || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_signed(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc{} || rest != end) return std::nullopt;
  return value;
}

/// "last:5" or "last=5" in its two parts; a number alone is a sequence.
struct Place {
  std::string_view word, value;
};

Place split_place(std::string_view text) {
  const std::size_t at = text.find_first_of(":=");
  if (at == std::string_view::npos) return {"sequence", text};
  return {text.substr(0, at), text.substr(at + 1)};
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, double>, 7> kUnits{
      {{"", 1e9}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc{} || !std::isfinite(value) || value < 0) return std::nullopt;
  for (const auto& [unit, ns] : kUnits) {
    if (std::string_view(rest, end) != unit) continue;
    const double total = std::round(value * ns);
    if (total >= static_cast<double>(std::numeric_limits<std::int64_t>::max())) return kForever;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
  }
  return std::nullopt;
}

std::optional<Start> parse_start(const std::string& text) {
  if (text == "next") return Start::next();
  if (text == "oldest") return Start::oldest();
  const Place place = split_place(text);
  if (place.word == "time") {
    const auto ago = parse_duration(std::string(place.value));
    return ago ? std::optional(Start::time(*ago)) : std::nullopt;
  }
  const auto number = parse_count(place.value);
  if (!number || *number == 0) return std::nullopt;
  if (place.word == "last") return Start::last(*number);
  if (place.word == "sequence") return Start::sequence(*number);
  return std::nullopt;
}

std::string check_start(const std::string& text) {
  return parse_start(text) ? ""
                           : text + " is none of next, oldest, last:N, time:AGO, SEQUENCE (from 1)";
}

std::optional<SeekTo> parse_seek(const std::string& text) {
  if (text == "oldest") return SeekTo::oldest();
  if (text == "newest") return SeekTo::newest();
  const Place place = split_place(text);
  if (place.word == "time") {
    const auto ago = parse_duration(std::string(place.value));
    return ago ? std::optional(SeekTo::time(*ago)) : std::nullopt;
  }
  const auto number = parse_signed(place.value);
  if (!number) return std::nullopt;
  if (place.word == "offset") return SeekTo::offset(*number);
  if (place.word != "sequence" || *number < 1) return std::nullopt;
  return SeekTo::sequence(static_cast<std::uint64_t>(*number));
}

CLI::Option* add_duration(CLI::App* command, const std::string& name,
                          std::optional<std::chrono::nanoseconds>& target,
                          const std::string& description) {
  const auto set = [&target, name](const std::string& text) {
    target = parse_duration(text);
    if (!target) {
      throw CLI::ValidationError(name, text + " is no duration; write 250us, 10ms, 1.5s or 2m");
    }
  };
  return command->add_option_function<std::string>(name, set, description)->type_name("DURATION");
}

CLI::Option* add_size(CLI::App* command, const std::string& name, std::uint64_t& target,
                      const std::string& description) {
  const auto set = [&target, name](const std::string& text) {
    std::string number = text;
    // An empty answer means it fits.
    if (const std::string wrong = CLI::AsSizeValue(false)(number); !wrong.empty()) {
      throw CLI::ValidationError(name, text + " is no size; write 512, 64K, 8M or 1G");
    }
    target = parse_count(number).value_or(0);
  };
  return command->add_option_function<std::string>(name, set, description)->type_name("SIZE");
}

CLI::Option* add_number(CLI::App* command, const std::string& name, std::uint64_t& target,
                        const std::string& description, std::uint64_t least) {
  const auto set = [&target, name, least](const std::string& text) {
    const auto number = parse_count(text);
    if (!number || *number < least) {
      throw CLI::ValidationError(
          name, text + " is no whole number from " + std::to_string(least) + " on");
    }
    target = *number;
  };
  return command->add_option_function<std::string>(name, set, description)->type_name("N");
}

CLI::Option* add_choice(CLI::App* command, const std::string& name, std::string& target,
                        const std::string& choices, const std::string& description) {
  const auto set = [&target, name, choices](const std::string& text) {
    if (text.empty() || text.find('|') != std::string::npos ||
        ('|' + choices + '|').find('|' + text + '|') == std::string::npos) {
      throw CLI::ValidationError(name, text + " is none of " + choices);
    }
    target = text;
  };
  return command->add_option_function<std::string>(name, set, description)->type_name(choices);
}

}  // namespace tow::cli
