#pragma once
/// The way from the product's atomics, and from what actors call, into the explorer that runs.

#include "explorer.hpp"

namespace tow::schedule {

struct Hooks {
  static inline Explorer* explorer = nullptr;
  static inline char breath = 0;
  static inline bool has_barriers = true;

  /// True: an actor runs, so that its operations are the explorer's.
  static bool active() {
    return explorer != nullptr && !explorer->quiet_ && explorer->running_ != Explorer::kNobody;
  }
  static bool ghost() { return explorer->self().ghost; }
  static std::uint64_t load(const shm::explore::Place& place, std::memory_order order);
  static void store(const shm::explore::Place& place, std::uint64_t value, std::memory_order order);
  static bool change(const shm::explore::Place& place, shm::explore::Change how,
                     std::uint64_t& seen, std::uint64_t value, std::memory_order order);
  static void fence(std::memory_order order);
  static void barrier(bool ordered);
  static std::uint64_t plain_load(const shm::explore::Place& place);
  static void plain_store(const shm::explore::Place& place, std::uint64_t value);
  /// Before a system call whose answer depends on others.
  static void before_kernel();
  static void after_kernel(std::uint64_t answer);
  static void found_free(std::size_t lock);
  static void unlocked(std::size_t lock);
  static void fail(const std::string& text);
  static void wait(std::function<bool()> wake, const std::string& what);
  static void shelter(const std::function<void()>& body);
  static std::uint64_t steps() { return explorer->self().steps; }
};

}  // namespace tow::schedule
