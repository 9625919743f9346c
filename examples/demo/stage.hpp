#pragma once
/// What the demo's processes stand on: children, memory to report in, temporary folders, time.

#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

/// CLOCK_MONOTONIC: the one clock of every figure that the demo takes itself.
inline std::uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

/// `count` values of T, zero at first, in anonymous memory that forked children share. Only for the
/// demo's own reports and time stamps: the messages travel over the bus.
template <class T>
class Shared {
 public:
  explicit Shared(std::size_t count = 1) : bytes_(count * sizeof(T)) {
    void* at = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<T*>(at);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { munmap(data_, bytes_); }

  T* data() const { return data_; }
  T* operator->() const { return data_; }
  T& operator*() const { return *data_; }
  T& operator[](std::size_t index) const { return data_[index]; }

 private:
  std::size_t bytes_;
  T* data_;
};

/// A folder that goes with everything in it.
class TemporaryFolder {
 public:
  /// Makes `parent`/towpath-demo-XXXXXX. Throws std::runtime_error.
  explicit TemporaryFolder(const std::string& parent);
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A forked process that plays `role`. It dies with the demo; its errors go to stderr.
class Child {
 public:
  /// `role` returns what becomes the exit code; an exception is told and becomes 1.
  Child(std::string name, const std::function<int()>& role);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();  ///< kills it, if it still runs

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }
  /// kill -9, and the time right before it.
  std::uint64_t kill_now();
  /// True once it has ended; never waits.
  bool ended();
  /// Only once ended: it ended by itself, with success.
  bool succeeded() const;
  /// Only once ended: somebody killed it with SIGKILL.
  bool was_killed() const;

 private:
  std::string name_;
  pid_t pid_;
  bool ended_ = false;
  int status_ = 0;
};

/// From now on Ctrl-C and friends make the next patience() throw Interrupted instead of ending us
/// with temporary files left.
void catch_interrupts();
struct Interrupted {};
void stop_if_interrupted();

/// Waits until `done` returns true, looking every `period_us`. Throws std::runtime_error after 120
/// seconds, or when one of `children` ends with failure without having been killed by us.
void patience(std::string_view what, std::vector<Child*> children,
              const std::function<bool()>& done, unsigned period_us = 500);

enum class Side { sender, receiver };
/// Gives a sender the first processor that we may use and a receiver the last, so that a figure
/// tells of the transport and not of where the scheduler put the two.
void pin(Side side);

/// `path` as one word of a shell command.
std::string shell_word(const std::string& path);
/// The SHA-256 of a file, by sha256sum(1); empty when that fails.
std::string sha256_of(const std::string& path);

}  // namespace demo
