#pragma once
/// The input of the demo, cut into records that put together give the same bytes again.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

/// Larger paragraphs and lines become several records.
inline constexpr std::size_t kMaxRecordBytes = 128 * 1024;

/// A file, mapped read-only, and its records. Children inherit the mapping. Throws
/// std::runtime_error, with a text for the user.
class Input {
 public:
  explicit Input(const std::string& path);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input();

  std::string_view bytes() const { return {data_, byte_count_}; }
  const std::vector<std::string_view>& records() const { return records_; }
  std::string_view unit() const { return unit_; }  ///< what a record is, for example "paragraphs"

 private:
  const char* data_ = nullptr;
  std::size_t byte_count_ = 0;
  std::vector<std::string_view> records_;
  std::string_view unit_;
};

/// Writes what `apt-cache dumpavail` prints to `path`. Throws std::runtime_error when it prints
/// nothing, saying what to do.
void save_package_index(const std::string& path);

/// The value of a record's `Section:` field; empty when it has none.
std::string_view section_of(std::string_view record);

}  // namespace demo
