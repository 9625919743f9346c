#include "bind.hpp"
#include "convert.hpp"
#include "errors.hpp"

namespace tow::python {
namespace {

constexpr const char* kKinds[] = {"next", "oldest", "last", "sequence", "time"};

nb::str repr(const Start& start) {
  const char* const kind = kKinds[start.value.kind];
  std::string value;
  if (start.value.kind == TOW_START_TIME) {
    value =
        nb::cast<std::string>(nb::repr(seconds_of(static_cast<std::int64_t>(start.value.value))));
  } else if (start.value.kind >= TOW_START_LAST) {
    value = std::to_string(start.value.value);
  }
  const std::string text = std::string("Start.") + kind + "(" + value + ")";
  return nb::str(text.c_str());
}

}  // namespace

tow_start start_of(nb::handle start) {
  Start given{};
  if (nb::try_cast<Start>(start, given, false)) return given.value;
  if (PyUnicode_Check(start.ptr())) {
    const std::string text = nb::cast<std::string>(start);
    for (const auto kind : {TOW_START_NEXT, TOW_START_OLDEST}) {
      if (text == kKinds[kind]) return {kind, 0};
    }
  }
  raise(PyExc_ValueError, "a start is a Start, 'next' or 'oldest'");
}

void bind_start(nb::module_& module) {
  nb::class_<Start>(module, "Start", "Where a subscriber or a new group begins. Immutable.")
      .def_static(
          "next",
          [] {
            return Start{{TOW_START_NEXT, 0}};
          },
          "What is published from now on.")
      .def_static(
          "oldest",
          [] {
            return Start{{TOW_START_OLDEST, 0}};
          },
          "All that the topic still has.")
      .def_static(
          "last",
          [](std::uint64_t count) {
            return Start{{TOW_START_LAST, count}};
          },
          nb::arg("count"), "The newest `count` messages.")
      .def_static(
          "sequence",
          [](std::uint64_t number) {
            return Start{{TOW_START_SEQUENCE, number}};
          },
          nb::arg("number"), "The message of that sequence; the oldest when it is gone.")
      .def_static(
          "time",
          [](nb::object seconds_ago) {
            return Start{{TOW_START_TIME, static_cast<std::uint64_t>(ns_of(seconds_ago))}};
          },
          nb::arg("seconds_ago"), "The first published no longer ago than that.")
      .def("__eq__",
           [](const Start& one, nb::handle other) {
             Start with{};
             return nb::try_cast<Start>(other, with, false) && with.value.kind == one.value.kind &&
                    with.value.value == one.value.value;
           })
      .def("__hash__",
           [](const Start& one) { return std::size_t(one.value.kind) * 31 + one.value.value; })
      .def("__repr__", &repr);
}

}  // namespace tow::python
