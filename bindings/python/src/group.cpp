#include "group.hpp"

#include "bind.hpp"
#include "consumer.hpp"
#include "convert.hpp"
#include "info.hpp"
#include "reading.hpp"

namespace tow::python {
namespace {

constexpr const char* kSeekKinds[] = {"oldest", "newest", "sequence", "time", "offset"};
constexpr std::uint32_t kDefaultPrefetch = 8;
constexpr std::uint32_t kDefaultHeld = 64;

/// Where a seek goes.
struct SeekTo {
  tow_seek_kind kind;
  std::int64_t value;
  friend bool operator==(const SeekTo&, const SeekTo&) = default;
};

/// Of a SeekTo, or of the texts "oldest" and "newest".
SeekTo seek_of(nb::handle to) {
  SeekTo given{};
  if (nb::try_cast<SeekTo>(to, given, false)) return given;
  if (PyUnicode_Check(to.ptr())) {
    const auto text = nb::cast<std::string>(to);
    for (const auto kind : {TOW_SEEK_OLDEST, TOW_SEEK_NEWEST}) {
      if (text == kSeekKinds[kind]) return {kind, 0};
    }
  }
  raise(PyExc_ValueError, "a seek is a SeekTo, 'oldest' or 'newest'");
}

nb::str repr(const SeekTo& to) {
  std::string value;
  if (to.kind == TOW_SEEK_TIME) {
    value = nb::cast<std::string>(nb::repr(seconds_of(to.value)));
  } else if (to.kind >= TOW_SEEK_SEQUENCE) {
    value = std::to_string(to.value);
  }
  return nb::str(("SeekTo." + std::string(kSeekKinds[to.kind]) + "(" + value + ")").c_str());
}

void bind_seek_to(nb::module_& module) {
  const auto at_once = [](tow_seek_kind kind) { return [kind] { return SeekTo{kind, 0}; }; };
  const auto counted = [](tow_seek_kind kind) {
    return [kind](std::int64_t value) { return SeekTo{kind, value}; };
  };
  nb::class_<SeekTo>(module, "SeekTo", "Where a group is moved to. Immutable.")
      .def_static("oldest", at_once(TOW_SEEK_OLDEST), "The oldest that the topic still has.")
      .def_static("newest", at_once(TOW_SEEK_NEWEST), "Behind the last.")
      .def_static("sequence", counted(TOW_SEEK_SEQUENCE), nb::arg("number"),
                  "The message of that sequence.")
      .def_static(
          "time",
          [](nb::object seconds_ago) {
            return SeekTo{TOW_SEEK_TIME, ns_of(seconds_ago)};
          },
          nb::arg("seconds_ago"), nb::sig("def time(seconds_ago: float) -> SeekTo"),
          "The first published no longer ago than that.")
      .def_static("offset", counted(TOW_SEEK_OFFSET), nb::arg("count"),
                  "So many messages on; negative: back.")
      .def("__eq__",
           [](const SeekTo& one, nb::handle other) {
             SeekTo with{};
             return nb::try_cast<SeekTo>(other, with, false) && with == one;
           })
      .def("__hash__",
           [](const SeekTo& one) {
             return std::size_t(one.kind) * 31 + static_cast<std::size_t>(one.value);
           })
      .def("__repr__", &repr);
}

nb::object consumer(nb::pointer_and_handle<Group> self, std::uint32_t prefetch,
                    std::uint32_t max_held, nb::handle spin) {
  tow_consumer_options options;
  tow_consumer_options_init(&options);
  options.prefetch = prefetch;
  options.max_held = max_held;
  options.spin_ns = ns_of(spin);
  tow_consumer* opened = nullptr;
  check(tow_consumer_open(self.p->handle.use(), &options, &opened));
  return make<Consumer>(Ref(new ConsumerFamily(opened, self.p->type)), nb::borrow(self.h));
}

nb::object info(const Group& self) {
  const tow_group_info* it = nullptr;
  check(tow_group_info_get(self.handle.use(), &it));
  const std::unique_ptr<const tow_group_info, decltype(&tow_group_info_free)> owned(
      it, &tow_group_info_free);
  return object_of(*it);
}

std::uint64_t seek(const Group& self, nb::handle to) {
  const SeekTo target = seek_of(to);
  std::uint64_t sequence = 0;
  check(tow_group_seek(self.handle.use(), target.kind, target.value, &sequence));
  return sequence;
}

std::uint64_t seek_target(const Group& self, nb::handle to) {
  const SeekTo target = seek_of(to);
  return tow_group_seek_target(self.handle.use(), target.kind, target.value);
}

void bind_steering(nb::class_<Group>& group) {
  group
      .def("seek", &seek, nb::arg("to"), nb::sig("def seek(self, to: SeekTo | str) -> int"),
           "Moves it while it runs: to a SeekTo, \"oldest\" or \"newest\". Returns the sequence "
           "that "
           "it is at then. What is in hand is lost to its consumers (LeaseLost). Raises Removed, "
           "InvalidArgument.")
      .def("seek_target", &seek_target, nb::arg("to"),
           nb::sig("def seek_target(self, to: SeekTo | str) -> int"), "Where seek() would move it.")
      .def(
          "pause", [](const Group& self) { check(tow_group_pause(self.handle.use())); },
          "Nothing is handed out until resume(); what is in hand may be settled.")
      .def("resume", [](const Group& self) { check(tow_group_resume(self.handle.use())); });
}

}  // namespace

nb::object group_object(tow_group* opened, std::shared_ptr<const ValueType> type) {
  return make<Group>(Group{{"group", opened}, std::move(type)});
}

void bind_group(nb::module_& module) {
  bind_seek_to(module);
  nb::class_<Group> group(module, "Group",
                          "Consumers that share a topic's messages, each settled once, made by "
                          "Topic.group(). It lives in the topic's files and needs no process. Any "
                          "number of threads may use it. What was made from it may outlive it.");
  group
      .def_prop_ro(
          "name", [](const Group& self) { return text_of(tow_group_name(self.handle.use())); },
          "Its name.")
      .def(
          "consumer", &consumer, nb::kw_only(), nb::arg("prefetch") = kDefaultPrefetch,
          nb::arg("max_held") = kDefaultHeld, nb::arg("spin").none() = kDefaultSpin,
          nb::sig("def consumer(self, *, prefetch: int = 8, max_held: int = 64, spin: float | None "
                  "= 5e-05) -> Consumer"),
          "A consumer. `prefetch`: deliveries that it may have unsettled, 1 to 256; 1 shares slow "
          "work most fairly, 8 is fastest. `max_held`: large messages held in place at a time, up "
          "to 64. `spin`: how many seconds a take looks before it sleeps. Raises TooMany, "
          "InvalidArgument, Removed.")
      .def("info", &info, nb::sig("def info(self) -> GroupInfo"), "What it is and does, now.");
  bind_steering(group);
  bind_closing(group);
}

}  // namespace tow::python
