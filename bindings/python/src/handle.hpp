#pragma once
/// What Python objects hold of C, and how all of them are closed.

#include <nanobind/nanobind.h>

#include <memory>
#include <type_traits>

#include "errors.hpp"
#include "family.hpp"
#include "waitable.hpp"

namespace tow::python {

/// A handle of C that any number of threads may use: a bus, a topic, a group, an exchange. Whoever
/// uses it without the GIL keeps a copy of what shared() gives.
template <class C, void (*close_c)(C*)>
class SharedHandle {
 public:
  /// `what` is its name in errors, for example "topic".
  SharedHandle(const char* what, C* opened)
      : what_(what), forks_(forks), handle_(opened, [opened_in = forks](C* it) {
          if (opened_in == forks) close_c(it);
        }) {}

  /// Raises ValueError when it is closed, RuntimeError in a forked child.
  C* use() const {
    if (forks_ == forks && handle_) [[likely]]
      return handle_.get();
    if (forks_ == forks) raise(PyExc_ValueError, "this %s is closed", what_);
    raise(PyExc_RuntimeError,
          "this %s was opened before the fork, and is its parent's; open the bus anew here", what_);
  }
  std::shared_ptr<C> shared() const { return (void)use(), handle_; }
  bool closed() const { return !handle_; }
  void close() { handle_.reset(); }

 private:
  const char* what_;
  std::uint32_t forks_;
  std::shared_ptr<C> handle_;
};

/// A handle that one thread uses at a time; it is closed when its Python object ends.
template <class F>
class FamilyHandle {
 public:
  explicit FamilyHandle(Ref<F> family) : family_(std::move(family)) {}
  FamilyHandle(const FamilyHandle&) = delete;
  /// May stand in the queue behind what came from it.
  ~FamilyHandle() { family_->close(); }
  F* operator->() const { return family_.get(); }
  F& operator*() const { return *family_; }
  const Ref<F>& ref() const { return family_; }
  bool closed() const { return family_->closed(); }
  void close() { family_->close(); }

 private:
  Ref<F> family_;
};

/// close() of a handle, after waking those who await it.
template <class T>
void close_handle(T& self) {
  if constexpr (std::is_base_of_v<Awaited, T>) self.wake_awaiting();
  self.close();
}

/// Gives a class what all handles have: close(), closed, and `with`. T has closed() and close().
template <class T, class... Extra>
void bind_closing(nb::class_<T, Extra...>& it) {
  it.def("close", &close_handle<T>,
         "Closes it; in any order with others, and again without effect. Waits until another "
         "thread's turn ends, at most some 10 ms.")
      .def_prop_ro("closed", &T::closed, "Whether close() was called.")
      .def("__enter__", [](nb::object self) { return self; })
      .def(
          "__exit__", [](T& self, nb::args) { close_handle(self); },
          "Closes it, whatever happened in the block.");
}

}  // namespace tow::python
