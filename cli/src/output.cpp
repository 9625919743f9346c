#include "output.hpp"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <system_error>

namespace tow::cli {
namespace {

[[noreturn]] void give_up() {
  if (errno == EPIPE) throw BrokenPipe{};
  throw std::system_error(errno, std::generic_category(), "write to stdout");
}

/// Terminal columns of a text in UTF-8, near enough for names.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

template <std::size_t N>
std::string scaled(double value, double step, const std::array<const char*, N>& units) {
  std::size_t unit = 0;
  while (value >= step && unit + 1 < N) {
    value /= step;
    ++unit;
  }
  const int digits = value >= 100 || value == static_cast<double>(static_cast<long>(value)) ? 0
                     : value >= 10                                                          ? 1
                                                                                            : 2;
  return fmt::format("{:.{}f}{}", value, digits, units[unit]);
}

}  // namespace

void write_out(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) give_up();
}

void flush() {
  if (std::fflush(stdout) != 0) give_up();
}

void print_json(const Json& value) {
  write_out(value.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

void print_json_line(const Json& value) {
  write_out(value.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n');
}

void Table::print() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    widths.push_back(headings_[i].size() - (headings_[i][0] == '>' ? 1 : 0));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], columns(row[i]));
  }
  const auto print_row = [&](const std::vector<std::string>& row, bool heading) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool number = headings_[i][0] == '>';
      const std::string_view cell = std::string_view(row[i]).substr(heading && number ? 1 : 0);
      const std::string padding(widths[i] - columns(cell), ' ');
      line += number ? padding : "";
      line += cell;
      line += number ? "" : padding;
      line += i + 1 < row.size() ? "  " : "";
    }
    write_out(line.substr(0, line.find_last_not_of(' ') + 1) + '\n');
  };
  print_row(headings_, true);
  for (const auto& row : rows_) print_row(row, false);
}

bool valid_utf8(std::string_view text) {
  try {
    const std::string dumped = Json(text).dump();  // strict: throws on broken UTF-8
    return !dumped.empty();
  } catch (const Json::type_error&) {
    return false;
  }
}

std::string printable(std::string_view text) {
  const bool utf8 = valid_utf8(text);
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result;
}

std::string human_bytes(double bytes) {
  return scaled<6>(bytes, 1024, {" B", " KiB", " MiB", " GiB", " TiB", " PiB"});
}

std::string human_ns(double ns) { return scaled<4>(ns, 1000, {" ns", " us", " ms", " s"}); }

std::string human_rate(double per_second) {
  return scaled<4>(per_second, 1000, {"", " k", " M", " G"});
}

}  // namespace tow::cli
