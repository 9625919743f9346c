#pragma once
/// Errors as values. `Result<T>` is spelt as a subset of `std::expected` so that it can become it.

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tow {

/// What went wrong. The text that names the file or topic and the remedy is `Error::message()`.
enum class Code : std::uint16_t {
  not_found = 1,     ///< no such bus or topic
  already_exists,    ///< the name is taken
  invalid_name,      ///< empty, too long, or not a name
  invalid_argument,  ///< an option out of its range
  type_mismatch,     ///< the topic carries another type
  options_mismatch,  ///< the topic exists with other options
  version_mismatch,  ///< made by another version of Towpath's layout
  corrupt,           ///< foreign, truncated or damaged file
  half_made,         ///< a file without its final mark
  too_large,         ///< message above the topic's limit
  full,              ///< no room: a required subscriber has not read yet
  timed_out,         ///< the deadline passed
  no_space,          ///< the filesystem is full
  no_permission,     ///< the kernel refused
  too_many,          ///< a configured limit of participants, publishers or subscribers
  publisher_exists,  ///< `publishers = one` and one lives
  not_supported,     ///< the kernel or filesystem lacks something
  removed,           ///< the topic was removed
  evicted,           ///< a required subscriber fell behind its max_lag
  lease_lost,        ///< a delivery is its consumer's no more: its time passed, or there was a seek
  stale,             ///< this process no longer owns its entry (its lock descriptor was closed)
  system,            ///< any other failed system call
  unroutable,        ///< no binding leads to a queue, and the message was mandatory
  no_server,         ///< nobody serves the service
  server_died,       ///< the server that handled a request is dead, and nobody tries it again
  no_reply,          ///< a request was settled without a reply
  request_failed,    ///< the server says that it failed
  cancelled,         ///< the caller wants no more of the reply
};

/// The name of a code, for example "not_found".
std::string_view to_string(Code code);

/// Eight bytes. The details live in a ring of the failing thread: `message()` is complete when it
/// is called on that thread before sixteen further errors, and falls back to the code's general
/// text.
struct [[nodiscard]] Error {
  Code code = Code::system;
  std::uint16_t detail = 0;  ///< serial number of the detail text, 0 = none
  std::int32_t os_errno = 0;

  std::string message() const;
  friend bool operator==(const Error& error, Code wanted) { return error.code == wanted; }
};
static_assert(sizeof(Error) == 8);

/// Makes an error whose message is `text`, which says what failed, on which file or topic, and what
/// to do; `os_errno` is appended in words when it is not 0.
Error make_error(Code code, std::string text, int os_errno = 0);

/// Thrown by `Result::value()` on an error; `what()` is the error's message.
class BadResult : public std::exception {
 public:
  explicit BadResult(Error error) : error_(error), text_(error.message()) {}
  const char* what() const noexcept override { return text_.c_str(); }
  Error error() const { return error_; }

 private:
  Error error_;
  std::string text_;
};

/// A value or an Error.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: as std::expected
  Result(Error error) : state_(std::in_place_index<1>, error) {}         // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  /// The value, or throws BadResult.
  T& value() & { return check(), *std::get_if<0>(&state_); }
  const T& value() const& { return check(), *std::get_if<0>(&state_); }
  T&& value() && { return check(), std::move(*std::get_if<0>(&state_)); }
  /// Only when has_value().
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  /// Only when !has_value().
  Error error() const { return *std::get_if<1>(&state_); }

 private:
  void check() const {
    if (!has_value()) throw BadResult(error());
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(error), failed_(true) {}  // NOLINT: as std::expected
  bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  void value() const {
    if (failed_) throw BadResult(error_);
  }
  Error error() const { return error_; }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace tow
