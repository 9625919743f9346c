#include "towpath/task.hpp"

#include <algorithm>

namespace tow {
namespace {

thread_local Loop* current_loop = nullptr;

}  // namespace

Loop* Loop::current() { return current_loop; }

void Loop::suspend_until_ready(Waitable& source, Attempt& attempt, std::coroutine_handle<> handle) {
  waiting_.push_back({&source, &attempt, nullptr, handle});
}

void Loop::suspend_until_settled(Awaited& awaited, std::coroutine_handle<> handle) {
  waiting_.push_back({&awaited.replies(), nullptr, &awaited, handle});
}

void Loop::resume(std::coroutine_handle<> handle) {
  handle.resume();
  if (!handle.done()) return;
  const auto task = Task::Handle::from_address(handle.address());
  if (task.promise().failure) std::rethrow_exception(task.promise().failure);
}

void Loop::resume_waiting(std::size_t position) {
  const std::coroutine_handle<> handle = waiting_[position].handle;
  // Those that waited longest come first; one that is always ready cannot starve the others.
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(position));
  resume(handle);
}

bool Loop::resume_settled() {
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].awaited == nullptr || !waiting_[i].awaited->settled()) continue;
    resume_waiting(i);
    return true;
  }
  return false;
}

void Loop::wait_for_news(bool at_leisure) {
  constexpr std::chrono::milliseconds kLook{2};
  std::vector<Waitable*> sources;
  std::vector<std::size_t> positions;
  std::chrono::nanoseconds piece = kForever;
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    const Waiting& waiting = waiting_[i];
    if (waiting.awaited != nullptr) piece = kLook;
    // Many calls of one client wait for its one subscriber, many tasks for one consumer.
    if (std::find(sources.begin(), sources.end(), waiting.source) != sources.end()) continue;
    sources.push_back(waiting.source);
    positions.push_back(i);
  }
  if (!at_leisure) piece = std::chrono::nanoseconds::zero();
  const auto ready = wait_any(std::span<Waitable* const>(sources), piece);
  if (!ready) return;
  const std::size_t position = positions[*ready];
  Attempt* const attempt = waiting_[position].attempt;
  if (attempt != nullptr && attempt->succeeded()) resume_waiting(position);
}

void Loop::run() {
  struct Scope {
    Loop* before;
    ~Scope() { current_loop = before; }
  } const scope{std::exchange(current_loop, this)};
  for (const Task& task : tasks_) resume(task.handle_);
  while (!waiting_.empty()) {
    const bool resumed = resume_settled();  // and then the others, who must not starve
    if (!waiting_.empty()) wait_for_news(!resumed);
  }
  tasks_.clear();
}

}  // namespace tow
