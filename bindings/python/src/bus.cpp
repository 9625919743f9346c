#include "bus.hpp"

#include <cstdlib>

#include "bind.hpp"
#include "convert.hpp"
#include "exchange.hpp"
#include "group.hpp"
#include "info.hpp"
#include "reading.hpp"

namespace tow::python {
namespace {

void open(Bus* self, const std::string& name, bool create, bool observe, std::uint32_t file_mode) {
  tow_bus_options options;
  tow_bus_options_init(&options);
  options.create = create;
  options.observe = observe;
  options.file_mode = file_mode;
  tow_bus* bus = nullptr;
  check(tow_bus_open(c_text(name), &options, &bus));
  new (self) Bus{{"bus", bus}};
}

nb::str path_of(const std::string& name) {
  char* path = nullptr;
  check(tow_bus_path_of(c_text(name), &path));
  const std::unique_ptr<char, decltype(&std::free)> owned(path, &std::free);
  return text_of(path);
}

template <tow_code (*ask)(const tow_bus*, const tow_names**)>
nb::list names_of(const Bus& bus) {
  const tow_names* names = nullptr;
  check(ask(bus.handle.use(), &names));
  return list_of(names);
}

template <tow_code (*remove)(const tow_bus*, const char*)>
void remove_one(const Bus& bus, const std::string& name) {
  check(remove(bus.handle.use(), c_text(name)));
}

nb::object topic(const Bus& bus, const std::string& name, nb::handle dtype,
                 const nb::kwargs& named) {
  TopicOptions asked = topic_options_of(dtype, named);
  tow_topic* opened = nullptr;
  check(tow_topic_open(bus.handle.use(), c_text(name), &asked.options, &opened));
  return topic_object(opened, std::move(asked.type));
}

nb::object topic_as_bytes(const Bus& bus, const std::string& name) {
  tow_topic* opened = nullptr;
  check(tow_topic_open_as_bytes(bus.handle.use(), c_text(name), &opened));
  return topic_object(opened, nullptr);
}

nb::object queue(const Bus& bus, const std::string& name, nb::handle dtype, nb::handle topic,
                 const nb::kwargs& named) {
  const GroupOptions asked(named);
  const bool as_it_is = topic.is_none() && dtype.is_none();
  TopicOptions of_topic = topic_options_of(dtype, topic.is_none() ? nb::handle(nb::dict()) : topic);
  tow_topic* opened = nullptr;
  tow_group* group = nullptr;
  check(asked.open([&](const tow_group_options* options) {
    return tow_queue_open(bus.handle.use(), c_text(name), options,
                          as_it_is ? nullptr : &of_topic.options, &opened, &group);
  }));
  const nb::object group_of = group_object(group, of_topic.type);
  return nb::module_::import_("towpath.queues")
      .attr("Queue")(topic_object(opened, std::move(of_topic.type)), group_of);
}

nb::list processes(const Bus& bus) {
  const tow_processes* all = nullptr;
  check(tow_bus_processes(bus.handle.use(), &all));
  const std::unique_ptr<const tow_processes, decltype(&tow_processes_free)> owned(
      all, &tow_processes_free);
  nb::list list;
  for (std::size_t i = 0; i < all->count; ++i) list.append(object_of(*all->processes[i]));
  return list;
}

bool supervise(const Bus& bus) {
  bool supervises = false;
  check(tow_bus_supervise(bus.handle.use(), &supervises));
  return supervises;
}

nb::object heal(const Bus& bus) {
  tow_heal_report report{};
  check(tow_bus_heal(bus.handle.use(), &report));
  return object_of(report);
}

void bind_topics(nb::class_<Bus>& bus) {
  bus.def(
         "topic", &topic, nb::arg("name"), nb::arg("dtype") = nb::none(), nb::arg("options"),
         nb::sig("def topic(self, name: str, dtype: object = None, **options: "
                 "Unpack[TopicOptions]) -> Topic"),
         "Opens a topic, and makes it when it does not exist. `dtype`: None (bytes of any length), "
         "a numpy.dtype or what numpy.dtype() takes, or a class of ctypes.Structure. Options, of "
         "which 0 and \"any\" mean: as it is, or the default. `type_name`: the type's name in C++ "
         "(found out for fundamental types; of a ctypes.Structure that of its class). "
         "`publishers`: \"one\" (fastest) or \"many\". `depth`: messages before a publisher waits, "
         "16 to 4194304 (1024). `slot_bytes`: 64, 128 or 256. `max_message_bytes`: up to 1 GiB "
         "(the type's, or 64 KiB). `pool_bytes`: each publisher's memory for what fits no slot. "
         "`lane_depth`; `max_publishers`, `max_subscribers`: 1 to 1024. `stamps`: \"sampled\", "
         "\"all\" or \"none\". `huge_pages` (False). `create`: make it (True). Raises "
         "TypeMismatch, OptionsMismatch, NotFound, InvalidName, InvalidArgument, NoSpace.")
      .def("topic_as_bytes", &topic_as_bytes, nb::arg("name"),
           nb::sig("def topic_as_bytes(self, name: str) -> Topic"),
           "An existing topic of whatever type, as bytes. For tools. Raises NotFound.")
      .def(
          "queue", &queue, nb::arg("name"), nb::arg("dtype") = nb::none(), nb::kw_only(),
          nb::arg("topic") = nb::none(), nb::arg("group_options"),
          nb::sig("def queue(self, name: str, dtype: object = None, *, topic: TopicOptions | None "
                  "= None, **group_options: Unpack[GroupOptions]) -> Queue"),
          "The queue `name`: a topic of that name with the group \"queue\", both made when they do "
          "not exist. `dtype` and `topic`, a mapping, are as of topic(), the others as of "
          "Topic.group(): without any the group is as it is, or made with the defaults.")
      .def(
          "exchange",
          [](const Bus& self, const std::string& name, nb::handle kind, nb::handle alternate,
             std::uint64_t table_bytes, bool create) {
            return open_exchange(self.handle.use(), name, kind, alternate, table_bytes, create);
          },
          nb::arg("name") = "", nb::arg("kind") = nb::none(), nb::kw_only(),
          nb::arg("alternate") = nb::none(), nb::arg("table_bytes") = 0, nb::arg("create") = true,
          nb::sig("def exchange(self, name: str = '', kind: str | None = None, *, alternate: str | "
                  "None = None, table_bytes: int = 0, create: bool = True) -> Exchange"),
          "Opens an exchange, and makes it when it does not exist; the name \"\" is the default "
          "exchange, which leads to the queue that the routing key names. `kind`: \"direct\", "
          "\"fanout\", \"topic\" or \"headers\"; None: as it is, or direct. `alternate`: exchange "
          "for "
          "what no binding matches. `table_bytes`: memory for bindings, 4 KiB to 64 MiB (64 KiB). "
          "Raises OptionsMismatch, NotFound, InvalidName, InvalidArgument, NoSpace, Corrupt.")
      .def("topics", &names_of<tow_bus_topics>, nb::sig("def topics(self) -> list[str]"),
           "Names of its topics, sorted.")
      .def("exchanges", &names_of<tow_bus_exchanges>, nb::sig("def exchanges(self) -> list[str]"),
           "Names of its exchanges, sorted.")
      .def("remove_topic", &remove_one<tow_bus_remove_topic>, nb::arg("name"),
           "Removes a topic: who has it open reads what is there, then gets Removed. Raises "
           "NotFound.")
      .def("remove_exchange", &remove_one<tow_bus_remove_exchange>, nb::arg("name"),
           "Removes an exchange. Raises NotFound.");
}

}  // namespace

void bind_bus(nb::module_& module) {
  nb::class_<Bus> bus(module, "Bus",
                      "A directory of topics that the processes of one host share. Opening it "
                      "repairs what dead processes left. Any number of threads may use it; a "
                      "forked child opens its own. What was made from it may outlive it.");
  bus.def("__init__", &open, nb::arg("name"), nb::kw_only(), nb::arg("create") = true,
          nb::arg("observe") = false, nb::arg("file_mode") = 0600,
          "Opens the bus `name`, in $TOWPATH_DIR or below /dev/shm; a name with a '/' is a path. "
          "`create`: make it when it does not exist. `observe`: look only; join, write and repair "
          "nothing. `file_mode`: rights of files that are made. Raises NotFound, InvalidName, "
          "NoPermission, VersionMismatch, Corrupt, TooMany.");
  bind_topics(bus);
  bus.def_prop_ro(
         "path", [](const Bus& self) { return text_of(tow_bus_path(self.handle.use())); },
         "Its directory.")
      .def_static("path_of", &path_of, nb::arg("name"),
                  "Where the bus of that name is, or would be.")
      .def_static(
          "remove", [](const std::string& name) { check(tow_bus_remove(c_text(name))); },
          nb::arg("name"),
          "Deletes a bus that no living process uses. Raises NotFound, and "
          "AlreadyExists when it is in use.")
      .def("processes", &processes, nb::sig("def processes(self) -> list[ProcessInfo]"),
           "Processes that have joined, dead ones too as long as nobody repaired them.")
      .def("heal", &heal, nb::sig("def heal(self) -> HealReport"),
           "Repairs what dead processes left.")
      .def("supervise", &supervise,
           "For supervisors such as towd: takes it upon this process to heal() whenever somebody "
           "dies, so that others look after the dead rarely. True when it is to heal; False when "
           "others do. Does not wait.")
      .def(
          "stop_supervising", [](const Bus& self) { tow_bus_stop_supervising(self.handle.use()); },
          "Leaves it to others again.");
  bind_closing(bus);
}

}  // namespace tow::python
