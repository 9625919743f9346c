#include "bus.hpp"

#include <cstdlib>

#include "bind.hpp"
#include "convert.hpp"

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

Topic topic(const Bus& bus, const std::string& name, nb::handle dtype, const nb::kwargs& named) {
  TopicOptions asked = topic_options_of(dtype, named);
  tow_topic* opened = nullptr;
  check(tow_topic_open(bus.handle.use(), c_text(name), &asked.options, &opened));
  return {{"topic", opened}, std::move(asked.type)};
}

Topic topic_as_bytes(const Bus& bus, const std::string& name) {
  tow_topic* opened = nullptr;
  check(tow_topic_open_as_bytes(bus.handle.use(), c_text(name), &opened));
  return {{"topic", opened}, nullptr};
}

}  // namespace

void bind_bus(nb::module_& module) {
  nb::class_<Bus> bus(module, "Bus",
                      "A directory of topics that processes of one host share. Any number of "
                      "threads may use it; a forked child opens its own.");
  bus.def("__init__", &open, nb::arg("name"), nb::kw_only(), nb::arg("create") = true,
          nb::arg("observe") = false, nb::arg("file_mode") = 0600)
      .def("topic", &topic, nb::arg("name"), nb::arg("dtype") = nb::none(), nb::arg("options"))
      .def("topic_as_bytes", &topic_as_bytes, nb::arg("name"));
  bind_closing(bus);
}

}  // namespace tow::python
