#include "client.hpp"

#include "arguments.hpp"
#include "attributes.hpp"
#include "bind.hpp"
#include "convert.hpp"
#include "reading.hpp"
#include "service.hpp"

namespace tow::python {

tow_call* send_request(ClientFamily& family, nb::handle payload, std::int64_t timeout_ns,
                       const tow_attributes* attributes, bool if_there_is_room) {
  const nb::object object = exporter_of(family.type.get(), payload);
  const Payload bytes(object.ptr());
  const Deadline deadline(timeout_ns);
  tow_call* call = nullptr;
  const tow_code code = family.wait(if_there_is_room ? 0 : timeout_ns, [&](std::int64_t slice_ns) {
    return tow_client_send(family.handle, bytes.data(), bytes.bytes(), slice_ns, attributes, &call);
  });
  if (code == TOW_TIMED_OUT && if_there_is_room) return nullptr;
  if (code == TOW_NOTHING) {
    raise(error_class(TOW_TIMED_OUT), "other threads waited with this client all the time");
  }
  check(code);
  tow_call_end_within(call, deadline.left(TOW_FOREVER));
  return call;
}

namespace {

/// The arguments of what sends a request: a payload, perhaps a timeout, and attributes by name.
class Asked {
 public:
  Asked(const char* function, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
    if (count < 1 || count > 2) {
      raise(PyExc_TypeError, "%s() takes a payload, a timeout, and attributes by name", function);
    }
    payload_ = arguments[0];
    PyObject* timeout = count == 2 ? arguments[1] : Py_None;
    const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < named; ++i) {
      PyObject* const name = PyTuple_GET_ITEM(names, i);
      PyObject* const value = arguments[count + i];
      if (count == 1 && PyUnicode_CompareWithASCIIString(name, "timeout") == 0) {
        timeout = value;
      } else if (!attributes_.take(name, value)) {
        raise(PyExc_TypeError, "%s() has no attribute '%s'", function, PyUnicode_AsUTF8(name));
      }
    }
    timeout_ns_ = ns_of(timeout);
  }
  tow_call* send(ClientFamily& family, bool if_there_is_room = false) const {
    return send_request(family, payload_, timeout_ns_, attributes_.get(), if_there_is_room);
  }

 private:
  PyObject* payload_;
  std::int64_t timeout_ns_;
  Attributes attributes_;
};

PyObject* call(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  return guarded<PyObject*>(nullptr, [&] {
    const Asked asked("call", arguments, count, names);
    ClientFamily& family = *object_of<Client>(self);
    return reply_to(family, asked.send(family)).release().ptr();
  });
}

PyObject* send(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  return guarded<PyObject*>(nullptr, [&] {
    const Asked asked("send", arguments, count, names);
    return call_object(self, asked.send(*object_of<Client>(self))).release().ptr();
  });
}

PyObject* try_send(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    const Asked asked("request", arguments, count, names);
    tow_call* const begun = asked.send(*object_of<Client>(self), true);
    return (begun == nullptr ? nb::none() : call_object(self, begun)).release().ptr();
  });
}

PyMethodDef methods[] = {
    fast_method("call", call,
                "call($self, payload, /, timeout=None, **attributes)\n--\n\n"
                "Sends a request and returns its reply, a Message. `timeout`: seconds of the whole "
                "call; None: for ever. Payload and attributes as of Publisher.publish(). Raises as "
                "PendingCall.next(), and TooLarge, TypeMismatch, InvalidArgument."),
    fast_method("send", send,
                "send($self, payload, /, timeout=None, **attributes)\n--\n\n"
                "Sends a request; its replies are taken from the PendingCall that this returns. "
                "Any number at a time. Waits for room in the service; raises TimedOut when there "
                "is none in time."),
    fast_method("_try_send", try_send,
                "_try_send($self, payload, /, timeout=None, **attributes)\n--\n\n"
                "send(), but None when there is no room now."),
    {nullptr, nullptr, 0, nullptr}};

int traverse(PyObject* self, visitproc visit, void* arg) {
  if (nb::inst_ready(self)) Py_VISIT(nb::inst_ptr<Client>(self)->submitting.ptr());
  return AwaitedSlots<Client>::traverse(self, visit, arg);
}
int clear(PyObject* self) {
  if (nb::inst_ready(self)) nb::inst_ptr<Client>(self)->submitting.reset();
  return AwaitedSlots<Client>::clear(self);
}

const PyType_Slot kSlots[] = {{Py_tp_methods, static_cast<void*>(methods)},
                              {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                              {Py_tp_clear, reinterpret_cast<void*>(clear)},
                              {0, nullptr}};

nb::object open(const Bus& bus, const std::string& service, nb::handle dtype, nb::handle type_name,
                bool fail_without_server, std::uint64_t reply_depth, std::uint64_t max_reply_bytes,
                std::uint64_t reply_pool_bytes, std::uint32_t max_waiting_replies, nb::handle spin,
                std::uint32_t max_attempts, std::uint64_t depth, std::uint64_t max_request_bytes,
                std::uint64_t pool_bytes, bool create) {
  const auto asked = std::make_shared<const ServiceAsked>(service, dtype, type_name);
  tow_client_options options;
  tow_client_options_init(&options);
  asked->put(options.service, max_attempts, depth, max_request_bytes, pool_bytes, create);
  options.fail_without_server = fail_without_server;
  options.reply_depth = reply_depth;
  options.max_reply_bytes = max_reply_bytes;
  options.reply_pool_bytes = reply_pool_bytes;
  options.max_waiting_replies = max_waiting_replies;
  options.spin_ns = ns_of(spin);
  return make<Client>([asked, options, bus_of = bus.handle.shared()] {
    tow_client* opened = nullptr;
    check(tow_client_open(bus_of.get(), c_text(asked->name), &options, &opened));
    return Ref(new ClientFamily(opened, asked->type));
  });
}

template <class Result, Result (*ask)(const tow_client*)>
Result question(const Client& self) {
  self->begin();
  return ask(self->handle);
}

void bind_questions(nb::class_<Client>& client) {
  client
      .def_prop_ro(
          "service",
          [](const Client& self) { return question<const char*, tow_client_service>(self); },
          "The name of its service.")
      .def_prop_ro(
          "reply_topic",
          [](const Client& self) { return question<const char*, tow_client_reply_topic>(self); },
          "Where its replies come.")
      .def_prop_ro("in_flight", &question<std::size_t, tow_client_in_flight>, "Calls under way.")
      .def_prop_ro("late", &question<std::uint64_t, tow_client_late>,
                   "Replies that came after their call had ended, and were dropped.");
}

}  // namespace

void bind_client(nb::module_& module) {
  nb::class_<Client> client(
      module, "Client", nb::type_slots(kSlots),
      "The calling side of a service, made by Bus.client(). One thread at a time: a second one "
      "waits its turn, at most some 10 ms. Calls and replies may outlive it. When its process "
      "dies, servers drop what they had for it.");
  bind_questions(client);
  bind_readiness(client);
  client.def("_check_usable", [](const Client& self) { self->check_usable(Asks::handle); })
      .def("_another",
           [](const Client& self) { return (void)self->begin(), make<Client>(self.open); })
      .def_prop_rw(
          "_submitting",
          [](const Client& self) {
            return self.submitting.is_valid() ? self.submitting : nb::none();
          },
          [](Client& self, nb::object value) { self.submitting = std::move(value); },
          nb::arg("value").none(), "The thread of submit() (towpath._calls).");
  bind_closing(client);
  auto bus = nb::borrow<nb::class_<Bus>>(nb::type<Bus>());
  bus.def("client", &open, nb::arg("service"), nb::arg("dtype") = nb::none(), nb::kw_only(),
          nb::arg("type_name") = nb::none(), nb::arg("fail_without_server") = false,
          nb::arg("reply_depth") = 128, nb::arg("max_reply_bytes") = 64 << 10,
          nb::arg("reply_pool_bytes") = 256 << 10, nb::arg("max_waiting_replies") = 4096,
          nb::arg("spin").none() = kDefaultSpin, nb::arg("max_attempts") = 0, nb::arg("depth") = 0,
          nb::arg("max_request_bytes") = 0, nb::arg("pool_bytes") = 0, nb::arg("create") = true,
          nb::sig("def client(self, service: str, dtype: object = None, *, type_name: str | None = "
                  "None, fail_without_server: bool = False, reply_depth: int = 128, "
                  "max_reply_bytes: int = 65536, reply_pool_bytes: int = 262144, "
                  "max_waiting_replies: int = 4096, spin: float | None = 5e-05, max_attempts: int "
                  "= 0, depth: int = 0, max_request_bytes: int = 0, pool_bytes: int = 0, create: "
                  "bool = True) -> Client"),
          (std::string("A client of a service. `fail_without_server`: NoServer at once instead of "
                       "waiting for one. `reply_depth`: replies a server may be ahead; "
                       "`max_reply_bytes`, `reply_pool_bytes`; `max_waiting_replies`: of one call, "
                       "in this process. `spin`: how many seconds a wait looks before it sleeps.") +
           kServiceDoc)
              .c_str());
}

}  // namespace tow::python
