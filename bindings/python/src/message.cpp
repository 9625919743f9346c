#include "message.hpp"

#include "bind.hpp"

namespace tow::python {

void bind_message(nb::module_& module) {
  nb::class_<Message> message(
      module, "Message", nb::type_slots(ReadingSlots<Message>::slots),
      "A message that was taken, or a reply. A read-only buffer: bytes(message) copies it, "
      "memoryview(message) and array() show it in place. Small payloads lie in the message itself; "
      "a large one lies in shared memory, which its publisher cannot use again until the message "
      "is released or ends. It may outlive its subscriber. Any thread may read it.");
  bind_reading(message);
  message
      .def("release", &Message::release,
           "Ends the use of the payload; reading it is a ValueError then. Raises BufferError while "
           "there are views of it. What a `del` does, but at once and for sure.")
      .def("__enter__", [](nb::object self) { return self; })
      .def("__exit__", [](Message& self, nb::args) { self.release(); })
      .def("__repr__", [](const Message& self) { return reading_repr(self, "Message"); });
}

}  // namespace tow::python
