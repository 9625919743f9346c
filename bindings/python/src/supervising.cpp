#include "supervising.hpp"

#include <chrono>
#include <future>
#include <string>

namespace tow::python {
namespace {

/// What a thread of its own came to; errors of C stay with the thread that saw them.
struct Outcome {
  tow_code code;
  bool supervises;
  std::string text;
  std::int32_t os_errno;
};

Outcome supervise_here(const tow_bus* bus) {
  Outcome outcome{};
  outcome.code = tow_bus_supervise(bus, &outcome.supervises);
  if (outcome.code != TOW_OK) {
    outcome.text = tow_error_text();
    outcome.os_errno = tow_error_errno();
  }
  return outcome;
}

}  // namespace

bool supervise(const Bus& bus) {
  const auto handle = bus.handle.shared();
  // C has no wait in slices for this, so another thread waits, and this one looks after signals.
  std::future<Outcome> running =
      std::async(std::launch::async, [&] { return supervise_here(handle.get()); });
  bool done = false;
  try {
    while (!done) {
      without_gil([&] {
        done = running.wait_for(std::chrono::nanoseconds(kSliceNs)) == std::future_status::ready;
      });
      if (!done) look_after_signals();
    }
  } catch (...) {
    tow_bus_stop_supervising(handle.get());
    without_gil([&] { running.wait(); });
    throw;
  }
  const Outcome outcome = running.get();
  if (outcome.code != TOW_OK) raise(outcome.code, outcome.text, outcome.os_errno);
  return outcome.supervises;
}

}  // namespace tow::python
