#include "arguments.hpp"
#include "attributes.hpp"
#include "bind.hpp"
#include "convert.hpp"
#include "server.hpp"

namespace tow::python {

Request::~Request() {
  family->free_later_or_now(
      place, is_done ? [](Family&, void* it) { tow_request_free(static_cast<tow_request*>(it)); }
                     : [](Family& of, void* it) {
                         tow_request_free(static_cast<tow_request*>(it));
                         static_cast<ServerFamily&>(of).unpin();
                       });
}

void Request::note_answer() {
  if (is_done || !tow_request_answered(place)) return;
  is_done = true;
  server().unpin();
}

namespace {

PyObject* reply(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  return guarded<PyObject*>(nullptr, [&] {
    if (count > 1) raise(PyExc_TypeError, "reply() takes one payload, and attributes by name");
    Request& request = object_of<Request>(self);
    const nb::object given = count == 1 ? nb::borrow(arguments[0]) : nb::object(nb::bytes("", 0));
    const Payload payload(given.ptr());
    Attributes attributes;
    attributes.take_all("reply", names, arguments + count);
    check(request.answer([&] {
      return tow_request_reply(request.place, payload.data(), payload.bytes(), attributes.get());
    }));
    return nb::none().release().ptr();
  });
}

void reply_part(Request& self, nb::handle given) {
  const Payload payload(given.ptr());
  check(self.answer(
      [&] { return tow_request_reply_part(self.place, payload.data(), payload.bytes()); }));
}

void finish(Request& self) {
  check(self.answer([&] { return tow_request_finish(self.place); }));
}

void fail(Request& self, const std::string& text, std::int32_t number) {
  const char* const c = c_text(text);
  check(self.answer([&] { return tow_request_fail(self.place, c, number); }));
}

/// What the caller is told of an exception.
std::string text_of_error(nb::handle error) {
  const auto name = nb::cast<std::string>(error.type().attr("__name__"));
  const auto text = nb::cast<std::string>(nb::str(error));
  return text.empty() ? name : name + ": " + text;
}

/// At the end of a `with` block: what raises fails the request.
void leave(Request& self, nb::handle raised, nb::handle error, nb::handle) {
  if (raised.is_none() || self.family->inherited() || tow_request_answered(self.begin())) return;
  const std::string text = text_of_error(error);
  // What the block raised says more than that its client is gone.
  (void)self.answer([&] { return tow_request_fail(self.place, text.c_str(), 0); });
}

PyMethodDef methods[] = {
    fast_method("reply", reply,
                "reply($self, payload=b\"\", /, **attributes)\n--\n\n"
                "The reply, or the last of a stream; then the request is done. Payload and "
                "attributes as of Publisher.publish(). Waits for a client that takes none, as long "
                "as the server's `wait_for_client` says. Raises, and the request is done: "
                "Cancelled (the caller wants no more, or it was answered before), NotFound and "
                "Removed (the client is gone), TimedOut (it takes no replies). Raises TooLarge and "
                "InvalidArgument, and it may be answered otherwise."),
    {nullptr, nullptr, 0, nullptr}};

const PyType_Slot kSlots[] = {
    {Py_tp_methods, static_cast<void*>(methods)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(ReadingSlots<Request>::get_buffer)},
    {Py_bf_releasebuffer, reinterpret_cast<void*>(ReadingSlots<Request>::release_buffer)},
    {Py_mp_length, reinterpret_cast<void*>(ReadingSlots<Request>::length)},
    {0, nullptr}};

void bind_answers(nb::class_<Request>& request) {
  request
      .def("reply_part", &reply_part, nb::arg("payload"),
           nb::sig("def reply_part(self, payload: object) -> None"),
           "One of a stream of replies. Raises as reply().")
      .def("finish", &finish, "Ends a stream of replies. Raises as reply().")
      .def("fail", &fail, nb::arg("text") = "", nb::arg("number") = 0,
           "The caller gets RequestFailed with this text, and the number as its `errno`. Raises as "
           "reply().")
      .def("__enter__", [](nb::object self) { return self; })
      .def("__exit__", &leave, nb::arg("raised").none(), nb::arg("error").none(),
           nb::arg("trace").none(), "Fails it, if the block raises and has not answered it.");
}

}  // namespace

void bind_request(nb::module_& module) {
  nb::class_<Request> request(
      module, "Request", nb::type_slots(kSlots),
      "A message to be answered: once, or with a stream of replies that ends with finish() or a "
      "last reply(). One that ends unanswered is failed. A read-only buffer, as Message is. Any "
      "thread may read it; answering waits for the server's turn. It may outlive its server.");
  bind_reading(request);
  bind_answers(request);
  request
      .def_prop_ro(
          "attempts",
          [](const Request& self) { return (void)self.get(), tow_request_attempts(self.place); },
          "How often handling it was begun and failed before.")
      .def_prop_ro(
          "redelivered",
          [](const Request& self) { return (void)self.get(), tow_request_redelivered(self.place); },
          "Whether somebody has begun to handle it before: it may have been done.")
      .def_prop_ro(
          "answered", [](const Request& self) { return tow_request_answered(self.begin()); },
          "Whether it was answered for good.")
      .def_prop_ro(
          "cancelled", [](const Request& self) { return tow_request_cancelled(self.begin()); },
          "Whether the caller wants no more.")
      .def("__repr__", [](const Request& self) { return reading_repr(self, "Request"); });
}

}  // namespace tow::python
