#include "fork.hpp"

#include <pthread.h>

namespace tow::python {

std::uint32_t forks = 0;

void count_forks() {
  [[maybe_unused]] static const int registered = pthread_atfork(nullptr, nullptr, [] { ++forks; });
}

}  // namespace tow::python
