#include "towpath/task.hpp"

#include <algorithm>

namespace tow {
namespace {

thread_local Loop* current_loop = nullptr;

}  // namespace

Loop* Loop::current() { return current_loop; }

void Loop::suspend_until_ready(SubscriberBase& subscriber, std::coroutine_handle<> handle) {
  waiting_.push_back({&subscriber, handle});
}

void Loop::resume(std::coroutine_handle<> handle) {
  handle.resume();
  if (!handle.done()) return;
  const auto task = Task::Handle::from_address(handle.address());
  if (task.promise().failure) std::rethrow_exception(task.promise().failure);
}

void Loop::run() {
  struct Scope {
    Loop* before;
    ~Scope() { current_loop = before; }
  } const scope{std::exchange(current_loop, this)};
  for (const Task& task : tasks_) resume(task.handle_);
  while (!waiting_.empty()) {
    std::vector<SubscriberBase*> subscribers;
    for (const Waiting& waiting : waiting_) subscribers.push_back(waiting.subscriber);
    const auto ready = wait_any(subscribers);
    if (!ready) continue;
    const std::coroutine_handle<> handle = waiting_[*ready].handle;
    // Those that waited longest come first; one that is always ready cannot starve the others.
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(*ready));
    resume(handle);
  }
  tasks_.clear();
}

}  // namespace tow
