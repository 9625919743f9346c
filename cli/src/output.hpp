#pragma once
/// Everything tow prints on stdout, for people and for programs.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace tow::cli {

/// Keys in the order in which they were written.
using Json = nlohmann::ordered_json;

/// Thrown when the reader of stdout has gone.
struct BrokenPipe {};

/// Writes bytes to stdout, buffered. Throws BrokenPipe, or std::system_error for a full disk.
void write_out(std::string_view bytes);
/// Hands over what is buffered. Throws as write_out().
void flush();

/// Prints an answer, indented.
void print_json(const Json& value);
/// One line of a stream of answers. What is not UTF-8 is replaced.
void print_json_line(const Json& value);

/// Columns that line up; numbers to the right.
class Table {
 public:
  /// A heading that starts with '>' is of a column of numbers.
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print() const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

bool valid_utf8(std::string_view text);
/// `text` with control characters and broken UTF-8 as \xNN: names come from other processes and
/// must not drive a terminal.
std::string printable(std::string_view text);
/// "64 KiB", "1.5 MiB".
std::string human_bytes(double bytes);
/// "850 ns", "1.2 us".
std::string human_ns(double ns);
/// "12500", "12.5 k", "1.25 M".
std::string human_rate(double per_second);

}  // namespace tow::cli
