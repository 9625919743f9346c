#include "attributes.hpp"
#include "bind.hpp"
#include "fork.hpp"

using namespace tow::python;

NB_MODULE(_towpath, module) {
  // Objects that live until the interpreter ends are no fault of the program's.
  nb::set_leak_warnings(false);
  module.def("set_leak_warnings", &nb::set_leak_warnings, nb::arg("on"),
             "For tests: whether objects that are alive when the interpreter ends are told.");
  count_forks();
  make_attribute_names();
  module.attr("__version__") = tow_version();

  bind_errors();
  bind_start(module);
  bind_waiting(module);
  bind_message(module);
  bind_subscriber(module);
  bind_loan(module);
  bind_publisher(module);
  bind_delivery(module);
  bind_consumer(module);
  bind_settlement(module);
  bind_group(module);
  bind_exchange(module);
  bind_exchange_publisher(module);
  bind_topic(module);
  bind_bus(module);
  bind_call(module);
  bind_client(module);
  bind_request(module);
  bind_server(module);
}
