#pragma once
/// C++20 coroutines over subscribers, on one thread, without a library.

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "towpath/subscriber.hpp"

namespace tow {

/// A coroutine that tow::run() runs: `tow::Task count(tow::Subscriber<Quote>& quotes) { ... }`.
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::exception_ptr failure;
    Task get_return_object() { return Task(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { failure = std::current_exception(); }
  };
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

 private:
  friend class Loop;
  explicit Task(Handle handle) : handle_(handle) {}
  Handle handle_;
};

/// Something that comes with a subscriber's messages, but is not each of them: a call's reply. It
/// is asked when there is news, and every few milliseconds, because it may also end without a
/// message.
class Awaited {
 public:
  virtual bool settled() = 0;
  virtual SubscriberBase& replies() = 0;

 protected:
  ~Awaited() = default;
};

/// Runs tasks on the calling thread until all have returned: resumes those whose subscriber is
/// ready, sleeps when none is. A task's exception ends run() with it.
class Loop {
 public:
  void add(Task task) { tasks_.push_back(std::move(task)); }
  void run();

  /// The loop that runs on this thread; null outside of run().
  static Loop* current();
  void suspend_until_ready(SubscriberBase& subscriber, std::coroutine_handle<> handle);
  void suspend_until_settled(Awaited& awaited, std::coroutine_handle<> handle);

 private:
  struct Waiting {
    SubscriberBase* subscriber;
    Awaited* awaited;  ///< null: any message of the subscriber will do
    std::coroutine_handle<> handle;
  };
  void resume(std::coroutine_handle<> handle);
  void resume_waiting(std::size_t position);
  bool resume_settled();
  void wait_for_news(bool at_leisure);
  std::vector<Task> tasks_;
  std::vector<Waiting> waiting_;
};

template <class... Tasks>
void run(Tasks&&... tasks) {
  Loop loop;
  (loop.add(std::forward<Tasks>(tasks)), ...);
  loop.run();
}

/// What Subscriber::next() returns. Outside of a Loop it waits instead of suspending.
template <class T>
class NextMessage {
 public:
  explicit NextMessage(Subscriber<T>& subscriber) : subscriber_(subscriber) {}
  bool await_ready() {
    taken_ = subscriber_.try_take();
    return taken_ || taken_.failed();
  }
  bool await_suspend(std::coroutine_handle<> handle) {
    if (Loop::current() == nullptr) return false;
    Loop::current()->suspend_until_ready(subscriber_, handle);
    return true;
  }
  Taken<T> await_resume() {
    if (taken_ || taken_.failed()) return std::move(taken_);
    return subscriber_.take();
  }

 private:
  Subscriber<T>& subscriber_;
  Taken<T> taken_;
};

}  // namespace tow
