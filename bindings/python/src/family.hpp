#pragma once
/// Handles that one thread uses at a time: publishers, subscribers, consumers, clients, servers.

#include <nanobind/nanobind.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "fork.hpp"
#include "towpath/towpath.h"

namespace tow::python {

namespace nb = nanobind;

/// A point in time that waits end at. TOW_FOREVER: never.
class Deadline {
 public:
  explicit Deadline(std::int64_t timeout_ns);
  /// How long until then, from 0 to `most_ns`.
  std::int64_t left(std::int64_t most_ns) const;
  bool passed() const { return left(1) == 0; }

 private:
  std::int64_t at_ns_;
};

/// A wait goes without the GIL for so long at a time; then it looks after signals, closed handles
/// and other threads.
constexpr std::int64_t kSliceNs = 10'000'000;

/// Runs signal handlers, and raises what they raise.
void look_after_signals();

PyThreadState* give_up_gil();
/// Never returns when the interpreter has ended meanwhile.
void take_gil(PyThreadState* thread);

/// Calls `body`, which uses nothing of Python and throws nothing, without the GIL.
template <class Body>
void without_gil(const Body& body) {
  PyThreadState* const thread = give_up_gil();
  body();
  take_gil(thread);
}

/// Nothing came in time, or the time is over.
inline bool is_nothing(tow_code code) { return code == TOW_NOTHING || code == TOW_TIMED_OUT; }

/// For handles that any number of threads use: calls `call(timeout_ns)` until it has something or
/// the time is over: first with the GIL and 0, then without it in slices. Raises what signal
/// handlers raise. What `call` uses must live on when another thread closes it.
template <class Call>
tow_code wait_in_slices(std::int64_t timeout_ns, const Call& call) {
  tow_code code = call(std::int64_t{0});
  const Deadline deadline(timeout_ns);
  while (is_nothing(code) && !deadline.passed()) {
    without_gil([&] { code = call(deadline.left(kSliceNs)); });
    if (is_nothing(code)) look_after_signals();
  }
  return code;
}

/// Who wants the turn: who uses the handle, or who uses what came from it (a delivery, a call, a
/// request), which may be used when the handle is closed, too.
enum class Asks : bool { handle, part };

/// A handle of C and all that came from it (messages, loans, deliveries), which one thread may use
/// at a time. That is whoever has the GIL, unless a thread waits without it: then the turn is that
/// thread's, and the others stand in a queue until its slice ends. Counts its users, with the GIL.
class Family {
 public:
  /// `what` is its name in errors, for example "subscriber".
  explicit Family(const char* what) : what_(what), forks_(forks) {}
  Family(const Family&) = delete;
  virtual ~Family();

  void keep() { ++uses_; }
  void let_go() {
    if (--uses_ == 0) delete this;
  }

  /// Until the GIL is given up, this thread may call C on it. Raises ValueError when it is closed,
  /// RuntimeError in a forked child; waits while another thread has the turn.
  void begin(Asks asks = Asks::handle) {
    if (is_usable(asks) && !taken_) [[likely]]
      return;
    begin_slowly(asks);
  }
  /// Only raises.
  void check_usable(Asks asks) const;
  bool closed() const { return closed_; }
  /// True in a child of the process that made it, which may do nothing with it but forget it.
  bool inherited() const { return forks_ != forks; }

  /// Closes the handle, once; waits for the turn.
  void close();

  /// Calls `call(timeout_ns)` until it has something (neither TOW_NOTHING nor TOW_TIMED_OUT) or the
  /// time is over: first with the GIL and 0, then without it in slices. Raises as begin(), and what
  /// signal handlers raise.
  template <class Call>
  tow_code wait(std::int64_t timeout_ns, const Call& call, Asks asks = Asks::handle) {
    if (is_usable(asks) && !taken_) [[likely]] {
      const tow_code code = call(std::int64_t{0});
      if (!is_nothing(code) || timeout_ns <= 0) return code;
    }
    const Deadline deadline(timeout_ns);
    tow_code code = TOW_NOTHING;
    while (enter(deadline, asks)) {
      const std::int64_t slice_ns = deadline.left(kSliceNs);
      without_gil([&] { code = call(slice_ns); });
      leave();
      if (!is_nothing(code)) break;
      look_after_signals();
      if (deadline.passed()) break;
    }
    return code;
  }

  /// The parts of wait(), for who waits for several families at once. Takes the turn, in the order
  /// of asking; false when the time was over before. Raises as begin(), and what signal handlers
  /// raise.
  bool enter(const Deadline& deadline, Asks asks = Asks::handle);
  /// The same without a limit and without signal handlers, which might want a turn that this thread
  /// has: for who has one, and needs another. Raises nothing.
  void enter_quietly();
  /// Ends the turn, frees what others left, and wakes the next.
  void leave();

  /// Frees what came from this handle; at the owner's next turn while another thread waits. May be
  /// called whenever the GIL is held, also when it is closed.
  template <class Part, void (*free_part)(Part*)>
  void free_part_of(Part* part) {
    free_later_or_now(part, [](Family&, void* it) { free_part(static_cast<Part*>(it)); });
  }
  /// The same by any function.
  void free_later_or_now(void* part, void (*free)(Family&, void*));
  /// Whether a thread has the turn, and perhaps not the GIL.
  bool taken() const { return taken_; }

  /// A place for a message: used again, or new. Whoever takes it gives it to a Message, or back.
  tow_message* place() {
    if (spare_.empty()) [[unlikely]]
      return new_place();
    tow_message* const it = spare_.back();
    spare_.pop_back();
    return it;
  }
  /// Puts back one that holds nothing.
  void put_back(tow_message* place);
  /// Ends the use of a place: releases what it holds, and keeps it for the next take.
  void give_back(tow_message* place);

 protected:
  /// Closes the handle of C. With the turn; not in a child.
  virtual void close_handle() = 0;

 private:
  struct Part {
    void* part;
    void (*free)(Family&, void*);
  };
  static constexpr std::size_t kMaxSpare = 1024;

  bool is_usable(Asks asks) const { return forks_ == forks && (!closed_ || asks == Asks::part); }
  void begin_slowly(Asks asks);
  bool take_turn(const Deadline& deadline, bool with_signals);
  void queue_for_turn(const Deadline& deadline, bool& came);
  tow_message* new_place();
  void keep_spare(tow_message* place);

  const char* what_;
  std::uint32_t forks_;
  std::uint32_t uses_ = 1;
  bool closed_ = false;
  bool taken_ = false;
  std::vector<tow_message*> spare_;
  std::vector<Part> left_;         ///< by others during this turn
  std::deque<const void*> queue_;  ///< threads that want the turn, in their order
  std::mutex mutex_;               ///< of the two below
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
};

/// Keeps a family.
template <class T = Family>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* family) : family_(family) {}  ///< takes over the caller's use
  Ref(const Ref& other) : family_(other.family_) {
    if (family_ != nullptr) family_->keep();
  }
  Ref(Ref&& other) noexcept : family_(std::exchange(other.family_, nullptr)) {}
  template <class Derived>
  Ref(const Ref<Derived>& other) : family_(other.get()) {
    if (family_ != nullptr) family_->keep();
  }
  Ref& operator=(Ref other) noexcept {
    std::swap(family_, other.family_);
    return *this;
  }
  ~Ref() {
    if (family_ != nullptr) family_->let_go();
  }
  T* get() const { return family_; }
  T* operator->() const { return family_; }
  T& operator*() const { return *family_; }
  explicit operator bool() const { return family_ != nullptr; }

 private:
  T* family_ = nullptr;
};

}  // namespace tow::python
