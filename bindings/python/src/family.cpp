#include "family.hpp"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "errors.hpp"

namespace tow::python {
namespace {

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

bool interpreter_ends() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

[[noreturn]] void sleep_for_ever() {
  while (true) pause();
}

}  // namespace

void look_after_signals() {
  if (PyErr_CheckSignals() != 0) raise_set();
}

PyThreadState* give_up_gil() { return PyEval_SaveThread(); }

void take_gil(PyThreadState* thread) {
  // Python ends threads that want the GIL while the interpreter ends, by unwinding them through
  // frames that may not throw. They sleep instead; the process ends without them.
  if (interpreter_ends()) sleep_for_ever();
  try {
    PyEval_RestoreThread(thread);
  } catch (...) {
    sleep_for_ever();
  }
}

Deadline::Deadline(std::int64_t timeout_ns) {
  if (__builtin_add_overflow(now_ns(), std::max<std::int64_t>(timeout_ns, 0), &at_ns_)) {
    at_ns_ = INT64_MAX;
  }
}

std::int64_t Deadline::left(std::int64_t most_ns) const {
  if (at_ns_ == INT64_MAX) return most_ns;
  return std::clamp<std::int64_t>(at_ns_ - now_ns(), 0, most_ns);
}

Family::~Family() {
  if (inherited()) return;
  for (tow_message* const place : spare_) tow_message_free(place);
}

void Family::check_usable(Asks asks) const {
  if (inherited()) {
    raise(PyExc_RuntimeError,
          "this %s was opened before the fork, and is its parent's; open the bus anew here", what_);
  }
  if (!is_usable(asks)) raise(PyExc_ValueError, "this %s is closed", what_);
}

void Family::begin_slowly(Asks asks) {
  if (!enter(Deadline(TOW_FOREVER), asks)) return;
  leave();  // nobody comes in between: the GIL is here
}

void Family::queue_for_turn(const Deadline& deadline, bool& came) {
  std::uint64_t seen = 0;
  {
    const std::lock_guard lock(mutex_);
    seen = changes_;
  }
  const std::int64_t most_ns = deadline.left(kSliceNs);
  without_gil([&] {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::nanoseconds(most_ns), [&] { return changes_ != seen; });
  });
  came = !taken_ && queue_.front() == &came;
}

bool Family::take_turn(const Deadline& deadline, bool with_signals) {
  if (taken_ || !queue_.empty()) {
    bool came = false;
    queue_.push_back(&came);
    const auto out_of_queue = [&] { queue_.erase(std::find(queue_.begin(), queue_.end(), &came)); };
    try {
      while (!came && !deadline.passed()) {
        queue_for_turn(deadline, came);
        if (!came && with_signals) look_after_signals();
      }
    } catch (...) {
      out_of_queue();
      throw;
    }
    out_of_queue();
    if (!came) return false;
  }
  return taken_ = true;
}

bool Family::enter(const Deadline& deadline, Asks asks) {
  check_usable(asks);
  if (!take_turn(deadline, true)) return false;
  if (!is_usable(asks)) {  // closed while this waited
    leave();
    check_usable(asks);
  }
  return true;
}

void Family::enter_quietly() { take_turn(Deadline(TOW_FOREVER), false); }

void Family::leave() {
  taken_ = false;
  while (!left_.empty()) {
    const Part part = left_.back();
    left_.pop_back();
    part.free(*this, part.part);
  }
  if (queue_.empty()) return;
  const std::lock_guard lock(mutex_);
  ++changes_;
  changed_.notify_all();
}

void Family::close() {
  if (closed_) return;
  if (!inherited()) {
    enter_quietly();
    if (!std::exchange(closed_, true)) close_handle();
    leave();
  }
  closed_ = true;
}

void Family::free_later_or_now(void* part, void (*free)(Family&, void*)) {
  if (inherited()) return;
  if (taken_) {
    left_.push_back({part, free});
  } else {
    free(*this, part);
  }
}

tow_message* Family::new_place() {
  tow_message* place = nullptr;
  check(tow_message_new(&place));
  return place;
}

void Family::give_back(tow_message* place) {
  free_later_or_now(
      place, [](Family& family, void* it) { family.keep_spare(static_cast<tow_message*>(it)); });
}

void Family::keep_spare(tow_message* place) {
  tow_message_release(place);
  put_back(place);
}

void Family::put_back(tow_message* place) {
  if (spare_.size() < kMaxSpare) {
    spare_.push_back(place);
  } else {
    tow_message_free(place);
  }
}

}  // namespace tow::python
