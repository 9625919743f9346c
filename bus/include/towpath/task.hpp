#pragma once
/// C++20 coroutines over subscribers and consumers, on one thread, without a library.

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "towpath/consumer.hpp"
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

/// What a task waits for: asked when its subscriber or consumer is ready, and true once there is
/// something to resume for.
class Attempt {
 public:
  virtual bool succeeded() = 0;

 protected:
  ~Attempt() = default;
};

/// Runs tasks on the calling thread until all have returned: resumes those whose subscriber or
/// consumer has something for them, sleeps when none has. A task's exception ends run() with it.
class Loop {
 public:
  void add(Task task) { tasks_.push_back(std::move(task)); }
  void run();

  /// The loop that runs on this thread; null outside of run().
  static Loop* current();
  void suspend_until_ready(Waitable& source, Attempt& attempt, std::coroutine_handle<> handle);
  void suspend_until_settled(Awaited& awaited, std::coroutine_handle<> handle);

 private:
  struct Waiting {
    Waitable* source;
    Attempt* attempt;  ///< null: it waits for `awaited`
    Awaited* awaited;  ///< null: it waits for `attempt`
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

/// What next() of a subscriber or consumer returns. Outside of a Loop it waits instead of
/// suspending.
template <class Source>
class Next : private Attempt {
 public:
  using Item = decltype(std::declval<Source&>().try_take());

  explicit Next(Source& source) : source_(source) {}
  bool await_ready() { return succeeded(); }
  bool await_suspend(std::coroutine_handle<> handle) {
    if (Loop::current() == nullptr) return false;
    Loop::current()->suspend_until_ready(source_, *this, handle);
    return true;
  }
  Item await_resume() {
    if (item_ || item_.failed()) return std::move(item_);
    return source_.take();
  }

 private:
  bool succeeded() final {
    item_ = source_.try_take();
    return item_ || item_.failed();
  }

  Source& source_;
  Item item_;
};

template <class T>
using NextMessage = Next<Subscriber<T>>;
template <class T>
using NextDelivery = Next<Consumer<T>>;

}  // namespace tow
