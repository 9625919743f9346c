#pragma once
/// Real processes for tests, and conditions to wait for.

#include <sys/mman.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <new>
#include <stdexcept>
#include <type_traits>

namespace tow::test {

/// After this long a test gives up waiting. No test passes or fails on less.
inline constexpr std::chrono::seconds kWatchdog{120};
/// "nobody" on Debian.
inline constexpr uid_t kNobody = 65534;

/// Looks until `condition` holds; false when the watchdog barked.
bool eventually(const std::function<bool()>& condition);

/// A T in memory that children share with the test. Its members are atomics.
template <class T>
class Shared {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  Shared() {
    void* const memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("cannot map shared memory");
    value_ = new (memory) T{};
  }
  ~Shared() { munmap(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  T* value_;
};

/// A child process that runs `body` and exits with 0, or with 1 when an expectation failed or
/// something was thrown. It must not use bus objects of its parent. It dies with its parent.
class Child {
 public:
  explicit Child(const std::function<void()>& body, uid_t user = 0);
  /// Kills the process if it still runs.
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;

  pid_t pid() const { return pid_; }
  /// Waits for its end: the exit status, or minus the signal that killed it. The watchdog kills.
  int wait();
  /// kill -9, and waits until the kernel has buried it.
  void kill();
  /// Stops it, and returns once it stands still.
  void stop();
  void go_on();
  /// True when it sleeps in the kernel.
  bool asleep() const;

 private:
  pid_t pid_ = -1;
};

/// A process that is told to do something and then sits there until it is killed.
[[noreturn]] void sleep_until_killed();

/// True when tests run as root, which some need to be somebody else or to mount.
bool is_root();

}  // namespace tow::test
