#include "towpath/shm/fork.hpp"

#include <pthread.h>

#include <atomic>

namespace tow::shm {
namespace {

std::atomic<std::uint64_t> forks{0};

}  // namespace

std::uint64_t fork_count() {
  [[maybe_unused]] static const int registered =
      pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  return forks.load(std::memory_order_relaxed);  // relaxed: it changes in a new child only
}

}  // namespace tow::shm
