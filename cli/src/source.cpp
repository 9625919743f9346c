#include "source.hpp"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "stop.hpp"

namespace tow::cli {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;

/// A file that is read in pieces; reading ends early when a stop is requested.
class Input {
 public:
  explicit Input(std::string path)
      : path_(std::move(path)),
        fd_(path_ == "-" ? STDIN_FILENO : open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "open " + path_);
  }
  ~Input() {
    if (fd_ != STDIN_FILENO) close(fd_);
  }
  Input(const Input&) = delete;

  /// Appends what there is, at least one byte; false at the end.
  bool read_more(std::string& text) {
    wait_readable(fd_, std::chrono::steady_clock::time_point::max());
    if (stop_requested()) return false;
    const std::size_t before = text.size();
    text.resize(before + kReadBytes);
    const ssize_t got = read(fd_, text.data() + before, kReadBytes);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "read " + path_);
    }
    return got != 0;
  }

 private:
  std::string path_;
  int fd_;
};

class Lines : public Source {
 public:
  Lines(const std::string& path, std::uint64_t max_bytes) : input_(path), max_bytes_(max_bytes) {}

  std::optional<std::string_view> next() override {
    std::size_t looked = at_;
    while (true) {
      const std::size_t end = text_.find('\n', looked);
      if (std::min(end, text_.size()) - at_ > max_bytes_) return take(max_bytes_ + 1, 0);
      if (end != std::string::npos) return take(end - at_, 1);
      text_.erase(0, std::exchange(at_, 0));
      looked = text_.size();
      if (!input_.read_more(text_)) break;
    }
    if (text_.empty() || stop_requested()) return std::nullopt;
    return take(text_.size(), 0);  // the last line lacks its newline
  }

 private:
  std::string_view take(std::size_t length, std::size_t newline) {
    const std::string_view line(text_.data() + at_, length);
    at_ += length + newline;
    return line;
  }

  Input input_;
  std::uint64_t max_bytes_;
  std::string text_;
  std::size_t at_ = 0;
};

class WholeFile : public Source {
 public:
  WholeFile(const std::string& path, std::uint64_t max_bytes)
      : input_(path), max_bytes_(max_bytes) {}

  std::optional<std::string_view> next() override {
    if (std::exchange(done_, true)) return std::nullopt;
    while (text_.size() <= max_bytes_ && input_.read_more(text_)) {
    }
    if (stop_requested()) return std::nullopt;
    return text_;
  }

 private:
  Input input_;
  std::uint64_t max_bytes_;
  std::string text_;
  bool done_ = false;
};

class Generated : public Source {
 public:
  Generated(std::uint64_t count, std::uint64_t bytes) : count_(count) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
    text_.reserve(bytes);
    while (text_.size() < bytes) text_ += kLetters.substr(0, bytes - text_.size());
  }

  std::optional<std::string_view> next() override {
    if ((count_ != 0 && made_ == count_) || stop_requested()) return std::nullopt;
    ++made_;
    char digits[24];
    const char* const end = std::to_chars(digits, digits + sizeof digits, made_).ptr;
    const std::size_t length =
        std::min<std::size_t>(static_cast<std::size_t>(end - digits), text_.size());
    std::copy(end - length, end, text_.begin());  // the last digits where not all fit
    if (length < text_.size()) text_[length] = ' ';
    return text_;
  }

 private:
  std::uint64_t count_, made_ = 0;
  std::string text_;
};

}  // namespace

std::unique_ptr<Source> lines_of(const std::string& path, std::uint64_t max_bytes) {
  return std::make_unique<Lines>(path, max_bytes);
}

std::unique_ptr<Source> whole_file(const std::string& path, std::uint64_t max_bytes) {
  return std::make_unique<WholeFile>(path, max_bytes);
}

std::unique_ptr<Source> generated(std::uint64_t count, std::uint64_t bytes) {
  return std::make_unique<Generated>(count, bytes);
}

}  // namespace tow::cli
