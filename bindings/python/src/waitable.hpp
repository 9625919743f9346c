#pragma once
/// What can be waited for beside others: subscribers, consumers, calls, servers.

#include <nanobind/nanobind.h>

#include "family.hpp"

namespace tow::python {

/// What has tasks of asyncio that await it.
class Awaited {
 public:
  virtual ~Awaited() = default;
  /// Whose turn it needs.
  virtual Family& family() const = 0;
  /// Wakes those who await it, because it is about to be closed.
  void wake_awaiting() {
    if (readiness.is_valid() && !family().inherited()) readiness.attr("stop")();
  }

  /// What towpath/_waiting.py keeps of those who await it; null before.
  nb::object readiness;
};

/// The base of their Python objects, which gives them fileno(), ready() and async waiting, and lets
/// wait_any() take them.
class Waitable : public Awaited {
 public:
  /// What it needs of that: the open handle, or its turn alone.
  virtual Asks asks() const { return Asks::handle; }
  /// On its turn.
  virtual tow_waitable* waitable() const = 0;
  /// Whether a take would not wait, on its turn.
  virtual bool ready() const { return tow_waitable_ready(waitable()); }
};

/// Gives a class T that derives from Awaited `_readiness`.
template <class T>
void bind_readiness(nb::class_<T>& it) {
  it.def_prop_rw(
      "_readiness",
      [](const T& self) { return self.readiness.is_valid() ? self.readiness : nb::none(); },
      [](T& self, nb::object value) { self.readiness = std::move(value); }, nb::arg("value").none(),
      "Of those who await it (towpath._waiting).");
}

/// The slots of a class T that derives from Awaited, for the collector of garbage: `readiness` may
/// lead back to it.
template <class T>
struct AwaitedSlots {
  static int traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    if (nb::inst_ready(self)) Py_VISIT(nb::inst_ptr<T>(self)->readiness.ptr());
    return 0;
  }
  static int clear(PyObject* self) {
    if (nb::inst_ready(self)) nb::inst_ptr<T>(self)->readiness.reset();
    return 0;
  }
  static inline const PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                                             {Py_tp_clear, reinterpret_cast<void*>(clear)},
                                             {0, nullptr}};
};

}  // namespace tow::python
