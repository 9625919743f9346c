#include <algorithm>
#include <vector>

#include "bind.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "turns.hpp"
#include "waitable.hpp"

namespace tow::python {
namespace {

/// All that somebody waits for at once.
class Several {
 public:
  explicit Several(nb::handle waitables) {
    for (const nb::handle one : waitables) {
      if (!nb::isinstance<Waitable>(one)) {
        raise(PyExc_TypeError,
              "wait_any() takes subscribers, consumers, calls and servers, not %.200s",
              Py_TYPE(one.ptr())->tp_name);
      }
      objects_.push_back(nb::borrow(one));
      all_.push_back(&nb::cast<Waitable&>(one));
      turns_.add(all_.back()->family());
    }
    if (all_.empty()) raise(PyExc_ValueError, "there is nothing to wait for");
  }

  /// One that is ready; None when none was in time.
  nb::object wait(std::int64_t timeout_ns) {
    const Deadline deadline(timeout_ns);
    do {
      check_usable();
      if (!turns_.enter(deadline)) break;
      std::size_t index = 0;
      const tow_code code = look(deadline.left(kSliceNs), index);
      turns_.leave();
      if (code == TOW_OK) return objects_[index];
      if (code != TOW_NOTHING) {
        check_usable();  // one was closed while this waited for the turns
        raise(code);
      }
      look_after_signals();
    } while (!deadline.passed());
    return nb::none();
  }

 private:
  void check_usable() const {
    for (const Waitable* const one : all_) one->family().check_usable(one->asks());
  }
  bool are_open() const {
    return std::none_of(all_.begin(), all_.end(), [](const Waitable* one) {
      return one->asks() == Asks::handle && one->family().closed();
    });
  }
  tow_code look(std::int64_t slice_ns, std::size_t& index) {
    if (!are_open()) return TOW_INVALID_ARGUMENT;
    tow_code code = first_ready(index);
    if (code != TOW_NOTHING || slice_ns == 0) return code;
    waitables_.clear();
    for (const Waitable* const one : all_) waitables_.push_back(one->waitable());
    without_gil(
        [&] { code = tow_wait_any(waitables_.data(), waitables_.size(), slice_ns, &index); });
    // What woke it may be another call's reply.
    return code == TOW_OK || code == TOW_NOTHING ? first_ready(index) : code;
  }
  tow_code first_ready(std::size_t& index) const {
    const auto one =
        std::find_if(all_.begin(), all_.end(), [](const auto& it) { return it->ready(); });
    index = static_cast<std::size_t>(one - all_.begin());
    return one == all_.end() ? TOW_NOTHING : TOW_OK;
  }

  std::vector<nb::object> objects_;
  std::vector<const Waitable*> all_;
  Turns turns_;
  std::vector<tow_waitable*> waitables_;
};

int fileno(const Waitable& self) {
  self.family().begin(self.asks());
  int fd = -1;
  check(tow_waitable_fd(self.waitable(), &fd));
  return fd;
}

bool ready(const Waitable& self) {
  self.family().begin(self.asks());
  return self.ready();
}

}  // namespace

void bind_waiting(nb::module_& module) {
  nb::class_<Waitable> waitable(
      module, "Waitable",
      "What can be waited for beside others: subscribers, consumers, calls and "
      "servers.");
  waitable
      .def("fileno", &fileno,
           "A descriptor for select, selectors, epoll and asyncio, which take the object itself, "
           "too: readable while there may be something to take. Take without waiting until nothing "
           "is left, then wait again; do not read from it or close it. Raises NotSupported for an "
           "observer, SystemFailure when there are no descriptors left.")
      .def("ready", &ready, "Whether a take would not wait.");
  bind_readiness(waitable);
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
