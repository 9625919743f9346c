#pragma once
/// Handles that may be closed in any order.

#include <cstdint>
#include <utility>

namespace tow::c {

/// What another handle may need after it was closed: it ends when it is closed and the last of
/// those has let it go. Counts without atomics, because it and what came from it are used by one
/// thread at a time.
class Handle {
 public:
  Handle() = default;
  Handle(const Handle&) = delete;
  void keep() { ++uses_; }
  void let_go() {
    if (--uses_ == 0) delete this;
  }

 protected:
  virtual ~Handle() = default;

 private:
  std::uint32_t uses_ = 1;
};

/// Keeps a handle from ending.
template <class T>
class Kept {
 public:
  Kept() = default;
  explicit Kept(T* handle) : handle_(handle) { handle_->keep(); }
  Kept(Kept&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Kept& operator=(Kept&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Kept() { reset(); }

  /// Keeps this one; the same as before costs nothing.
  void set(T* handle) {
    if (handle == handle_) return;
    reset();
    handle->keep();
    handle_ = handle;
  }
  void reset() {
    if (handle_ != nullptr) std::exchange(handle_, nullptr)->let_go();
  }
  T* get() const { return handle_; }
  T* operator->() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  T* handle_ = nullptr;
};

}  // namespace tow::c
