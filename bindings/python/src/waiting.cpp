#include <algorithm>
#include <vector>

#include "bind.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "waitable.hpp"

namespace tow::python {
namespace {

/// All that somebody waits for at once.
class Several {
 public:
  explicit Several(nb::handle waitables) {
    for (const nb::handle one : waitables) {
      if (!nb::isinstance<Waitable>(one)) {
        raise(PyExc_TypeError, "wait_any() takes subscribers, consumers and calls, not %.200s",
              Py_TYPE(one.ptr())->tp_name);
      }
      objects_.push_back(nb::borrow(one));
    }
    if (objects_.empty()) raise(PyExc_ValueError, "there is nothing to wait for");
    for (const nb::object& one : objects_) families_.push_back(&nb::cast<Waitable&>(one).family());
    std::sort(families_.begin(), families_.end());
    families_.erase(std::unique(families_.begin(), families_.end()), families_.end());
  }

  /// One that is ready; None when none was in time.
  nb::object wait(std::int64_t timeout_ns) {
    const Deadline deadline(timeout_ns);
    tow_code code = TOW_NOTHING;
    std::size_t index = 0;
    do {
      if (!enter(deadline)) break;
      code = ask(0, index);
      const std::int64_t slice_ns = deadline.left(kSliceNs);
      if (code == TOW_NOTHING && slice_ns > 0) without_gil([&] { code = ask(slice_ns, index); });
      leave(families_.size());
      if (code == TOW_OK) return objects_[index];
      if (code != TOW_NOTHING) raise(code);
      look_after_signals();
    } while (!deadline.passed());
    return nb::none();
  }

 private:
  /// Takes the turns of all, in the order of their addresses, so that nobody waits in a circle.
  bool enter(const Deadline& deadline) {
    std::size_t entered = 0;
    try {
      while (entered < families_.size() && families_[entered]->enter(deadline)) ++entered;
    } catch (...) {
      leave(entered);
      throw;
    }
    if (entered < families_.size()) return leave(entered), false;
    waitables_.clear();
    for (const nb::object& one : objects_) {
      waitables_.push_back(nb::cast<Waitable&>(one).waitable());
    }
    return true;
  }
  void leave(std::size_t entered) {
    while (entered > 0) families_[--entered]->leave();
  }
  tow_code ask(std::int64_t timeout_ns, std::size_t& index) {
    return tow_wait_any(waitables_.data(), waitables_.size(), timeout_ns, &index);
  }

  std::vector<nb::object> objects_;
  std::vector<Family*> families_;
  std::vector<tow_waitable*> waitables_;
};

int fileno(const Waitable& self) {
  self.family().begin();
  int fd = -1;
  check(tow_waitable_fd(self.waitable(), &fd));
  return fd;
}

bool ready(const Waitable& self) {
  self.family().begin();
  return tow_waitable_ready(self.waitable());
}

}  // namespace

void bind_waiting(nb::module_& module) {
  nb::class_<Waitable>(module, "Waitable",
                       "What can be waited for beside others: subscribers, consumers and calls.")
      .def("fileno", &fileno,
           "A descriptor for select, selectors, epoll and asyncio, which take the object itself, "
           "too: readable while there may be something to take. Take without waiting until nothing "
           "is left, then wait again; do not read from it or close it. Raises NotSupported for an "
           "observer, SystemFailure when there are no descriptors left.")
      .def("ready", &ready, "Whether a take would not wait.")
      .def_prop_rw(
          "_readiness",
          [](const Waitable& self) {
            return self.readiness.is_valid() ? self.readiness : nb::none();
          },
          [](Waitable& self, nb::object value) { self.readiness = std::move(value); },
          nb::arg("value").none(), "Of those who await it (towpath._waiting).");
  module.def(
      "wait_any",
      [](nb::handle waitables, nb::handle timeout) {
        return Several(waitables).wait(ns_of(timeout));
      },
      nb::arg("waitables"), nb::arg("timeout") = nb::none(),
      "Waits until one of them is ready and returns it; None when none is within `timeout` "
      "seconds (None: for ever). One thread at a time for each of them. Raises ValueError when "
      "there is nothing to wait for, or one is closed.");
}

}  // namespace tow::python
