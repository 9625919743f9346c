#include "bind.hpp"
#include "bus.hpp"
#include "convert.hpp"
#include "group.hpp"
#include "info.hpp"
#include "publisher.hpp"
#include "reading.hpp"
#include "subscriber.hpp"

namespace tow::python {
namespace {

constexpr std::uint32_t kDefaultHeld = 64;

nb::object publisher(const Topic& self, const std::string& when_full, nb::handle wait_at_most,
                     nb::handle take_over_within, nb::handle producer) {
  const OptionalText name(producer);
  tow_publisher_options options;
  tow_publisher_options_init(&options);
  options.when_full = enum_of<tow_when_full>("when_full", when_full, kWhenFull);
  options.producer = name.c_str();
  const std::int64_t wait_at_most_ns = ns_of(wait_at_most);
  const std::int64_t take_over_within_ns = ns_of(take_over_within);
  const auto topic = self.handle.shared();
  tow_publisher* opened = nullptr;
  // A standby tries again and again, so that signals are looked after.
  tow_code failure = TOW_OK;
  const tow_code code = wait_in_slices(take_over_within_ns, [&](std::int64_t slice_ns) {
    options.take_over_within_ns = slice_ns;
    failure = tow_publisher_open(topic.get(), &options, &opened);
    return failure == TOW_PUBLISHER_EXISTS ? TOW_NOTHING : failure;
  });
  if (code != TOW_OK) raise(failure);
  const bool waits = options.when_full == TOW_WHEN_FULL_WAIT;
  return make<Publisher>(Ref(new PublisherFamily(opened, self.type, waits, wait_at_most_ns)));
}

nb::object subscriber_of(const Topic& self, tow_subscriber* opened) {
  return make<Subscriber>(Ref(new SubscriberFamily(opened, self.type)));
}

nb::object subscriber(const Topic& self, bool lossy, nb::handle start, std::uint64_t max_lag,
                      std::uint32_t max_held, nb::handle spin) {
  tow_subscriber_options options;
  tow_subscriber_options_init(&options);
  options.lossy = lossy;
  options.start = start_of(start);
  options.max_lag = max_lag;
  options.max_held = max_held;
  options.spin_ns = ns_of(spin);
  tow_subscriber* opened = nullptr;
  check(tow_subscriber_open(self.handle.use(), &options, &opened));
  return subscriber_of(self, opened);
}

nb::object observer(const Topic& self, nb::handle start) {
  tow_subscriber* opened = nullptr;
  check(tow_subscriber_observe(self.handle.use(), start_of(start), &opened));
  return subscriber_of(self, opened);
}

nb::list groups(const Topic& self) {
  const tow_names* names = nullptr;
  check(tow_topic_groups(self.handle.use(), &names));
  return list_of(names);
}

nb::object group(const Topic& self, const std::string& name, const nb::kwargs& named) {
  const GroupOptions asked(named);
  tow_group* opened = nullptr;
  check(asked.open([&](const tow_group_options* options) {
    return tow_group_open(self.handle.use(), c_text(name), options, &opened);
  }));
  return group_object(opened, self.type);
}

void wait_for_subscribers(const Topic& self, std::uint32_t count, nb::handle timeout) {
  const std::int64_t timeout_ns = ns_of(timeout);
  const auto topic = self.handle.shared();
  check(wait_in_slices(timeout_ns, [&](std::int64_t slice_ns) {
    return tow_topic_wait_for_subscribers(topic.get(), count, slice_ns);
  }));
}

nb::object info(const Topic& self) {
  const tow_topic_info* it = nullptr;
  check(tow_topic_info_get(self.handle.use(), &it));
  const std::unique_ptr<const tow_topic_info, decltype(&tow_topic_info_free)> owned(
      it, &tow_topic_info_free);
  return object_of(*it);
}

void bind_openers(nb::class_<Topic>& topic) {
  topic
      .def(
          "publisher", &publisher, nb::kw_only(), nb::arg("when_full") = "wait",
          nb::arg("wait_at_most") = nb::none(), nb::arg("take_over_within").none() = 0,
          nb::arg("producer") = nb::none(),
          nb::sig("def publisher(self, *, when_full: str = 'wait', wait_at_most: float | None = "
                  "None, take_over_within: float | None = 0, producer: str | None = None) -> "
                  "Publisher"),
          "A publisher. `when_full`: \"wait\" (up to `wait_at_most` seconds, then TimedOut names "
          "who is in the way), \"fail\" (Full, at once) or \"drop\" (give the message up and count "
          "it). `take_over_within`: as a hot standby, wait so many seconds for the publisher of "
          "a topic of one to end. `producer`: the name under which messages are numbered. Raises "
          "PublisherExists, TooMany, NoSpace, Removed.")
      .def(
          "subscriber", &subscriber, nb::kw_only(), nb::arg("lossy") = false,
          nb::arg("start") = "next", nb::arg("max_lag") = 0, nb::arg("max_held") = kDefaultHeld,
          nb::arg("spin").none() = kDefaultSpin,
          nb::sig("def subscriber(self, *, lossy: bool = False, start: Start | str = 'next', "
                  "max_lag: int = 0, max_held: int = 64, spin: float | None = 5e-05) -> "
                  "Subscriber"),
          "A subscriber. `lossy`: publishers never wait for it, and every gap is counted. `start`: "
          "a Start, \"next\" or \"oldest\". `max_lag`: evicted when further behind; 0: never. "
          "`max_held`: large messages held in place at a time, up to 64. `spin`: how many seconds "
          "a take looks before it sleeps. Raises TooMany, InvalidArgument, Removed.")
      .def("observer", &observer, nb::arg("start") = "next",
           nb::sig("def observer(self, start: Start | str = 'next') -> Subscriber"),
           "A subscriber that nobody can see: it polls, copies everything, protects nothing. For "
           "tools.");
}

void bind_groups(nb::class_<Topic>& topic) {
  topic
      .def("group", &group, nb::arg("name"), nb::arg("options"),
           nb::sig("def group(self, name: str, **options: Unpack[GroupOptions]) -> Group"),
           "Opens a group, and makes it when it does not exist; without options as it is, or with "
           "the defaults. Options: `mode`: \"shared\", \"ordered\" (by key) or \"single_active\". "
           "`start`: where a new group begins, a Start, \"next\" or \"oldest\". `max_attempts`: 1 "
           "to "
           "30 (16). `lease`: seconds in which a delivery is to be settled (0: any). `backoff` "
           "(0.1), `max_backoff` (60): seconds before the third attempt, doubled each time. "
           "`time_to_live`: seconds (0: messages' own only). `max_length`: unsettled messages (0: "
           "as many as the topic holds); `overflow`: \"block\", \"reject\" or \"drop_oldest\". "
           "`by_priority` (False). `key_pattern`: words split at '.', '*' one word, '#' any "
           "number. `tag`: only messages with it. `dead_letter`: topic for what was given up; "
           "`drop_when_dead_letters_full` (False). `create`: make it (True). Raises "
           "OptionsMismatch, NotFound, InvalidName, InvalidArgument, TooMany, Removed.")
      .def("groups", &groups, nb::sig("def groups(self) -> list[str]"),
           "Names of its groups, sorted.")
      .def(
          "remove_group",
          [](const Topic& self, const std::string& name) {
            check(tow_topic_remove_group(self.handle.use(), c_text(name)));
          },
          nb::arg("name"), "Removes a group: its consumers get Removed. Raises NotFound.");
}

}  // namespace

nb::object topic_object(tow_topic* opened, std::shared_ptr<const ValueType> type) {
  return make<Topic>(Topic{{"topic", opened}, std::move(type)});
}

void bind_topic(nb::module_& module) {
  nb::class_<Topic> topic(module, "Topic",
                          "A sequence of messages on a bus, made by Bus.topic(). Any number of "
                          "threads may use it. What was made from it may outlive it.");
  bind_openers(topic);
  bind_groups(topic);
  topic
      .def_prop_ro(
          "name", [](const Topic& self) { return text_of(tow_topic_name(self.handle.use())); },
          "Its name.")
      .def_prop_ro(
          "last_sequence",
          [](const Topic& self) { return tow_topic_last_sequence(self.handle.use()); },
          "Sequence of the newest message; 0 when there is none.")
      .def_prop_ro(
          "dtype", [](const Topic& self) { return self.type ? self.type->dtype() : nb::none(); },
          nb::sig("def dtype(self) -> numpy.dtype | None"),
          "The NumPy dtype of its values; None: bytes of any length.")
      .def("wait_for_subscribers", &wait_for_subscribers, nb::arg("count") = 1,
           nb::arg("timeout") = nb::none(),
           nb::sig("def wait_for_subscribers(self, count: int = 1, timeout: float | None = None) "
                   "-> None"),
           "Waits until so many subscribers are alive. Raises TimedOut, which says how many are.")
      .def("info", &info, nb::sig("def info(self) -> TopicInfo"),
           "What it is and who uses it, now.");
  bind_closing(topic);
}

}  // namespace tow::python
