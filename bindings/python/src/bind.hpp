#pragma once
/// What the module is made of: one function a file, in the order in which types need each other.

#include <nanobind/nanobind.h>

namespace tow::python {

namespace nb = nanobind;

/// Finds the exception classes of towpath.errors.
void bind_errors();
void bind_start(nb::module_& module);
void bind_waiting(nb::module_& module);
void bind_message(nb::module_& module);
void bind_subscriber(nb::module_& module);
void bind_loan(nb::module_& module);
void bind_publisher(nb::module_& module);
void bind_delivery(nb::module_& module);
void bind_consumer(nb::module_& module);
void bind_settlement(nb::module_& module);
void bind_group(nb::module_& module);
void bind_exchange(nb::module_& module);
void bind_exchange_publisher(nb::module_& module);
void bind_topic(nb::module_& module);
void bind_bus(nb::module_& module);
void bind_call(nb::module_& module);
void bind_client(nb::module_& module);
void bind_request(nb::module_& module);
void bind_server(nb::module_& module);

}  // namespace tow::python
