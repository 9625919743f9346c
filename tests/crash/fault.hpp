#pragma once
/// Promises that are asked for after a death.

#include <stdexcept>
#include <string>
#include <utility>

#include "towpath/shm/result.hpp"

namespace tow::crash {

struct Fault : std::runtime_error {
  using runtime_error::runtime_error;
};

inline void require(bool promise, const std::string& fault) {
  if (!promise) throw Fault(fault);
}

template <class T>
T must(Result<T> result, const char* what) {
  if (!result) throw Fault(std::string(what) + ": " + result.error().message());
  return std::move(*result);
}

inline void must(Result<void> result, const char* what) {
  if (!result) throw Fault(std::string(what) + ": " + result.error().message());
}

inline std::string number(std::uint64_t n) { return std::to_string(n); }

}  // namespace tow::crash
