#pragma once
/// Where tow pub takes its messages from: lines of a file, a whole file, or made up.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tow::cli {

/// Hands out messages one by one. What next() returned is valid until the next call.
class Source {
 public:
  virtual ~Source() = default;
  /// Nothing at the end, or when a stop was requested. Throws std::system_error.
  virtual std::optional<std::string_view> next() = 0;
};

/// Lines of `path`, or of stdin for "-", without their newlines, each as soon as it is there. A
/// line of more than `max_bytes` comes out cut after one byte more, so that publishing it fails.
std::unique_ptr<Source> lines_of(const std::string& path, std::uint64_t max_bytes);
/// The whole of `path` as one message, as lines_of() with too much.
std::unique_ptr<Source> whole_file(const std::string& path, std::uint64_t max_bytes);
/// `count` messages (0: without end) of `bytes` each: their number, then letters.
std::unique_ptr<Source> generated(std::uint64_t count, std::uint64_t bytes);

}  // namespace tow::cli
