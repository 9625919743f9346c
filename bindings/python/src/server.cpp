#include "server.hpp"

#include <chrono>
#include <thread>

#include "bind.hpp"
#include "service.hpp"
#include "takers.hpp"

namespace tow::python {
namespace {

/// A place for a request, which a Request takes over.
class RequestPlace {
 public:
  explicit RequestPlace(ServerFamily& family) : family_(family) { check(tow_request_new(&place_)); }
  RequestPlace(const RequestPlace&) = delete;
  ~RequestPlace() {
    if (place_ != nullptr) family_.free_part_of<tow_request, tow_request_free>(place_);
  }
  tow_request* get() const { return place_; }
  nb::object use() {
    nb::object request = make<Request>(place_, &family_);
    place_ = nullptr;
    return request;
  }

 private:
  ServerFamily& family_;
  tow_request* place_ = nullptr;
};

nb::object take_one(Server& self, std::int64_t timeout_ns) {
  ServerFamily& family = *self;
  RequestPlace place(family);
  const tow_code code = family.wait(timeout_ns, [&](std::int64_t slice_ns) {
    return tow_server_take(family.handle, slice_ns, place.get());
  });
  if (code == TOW_OK) return place.use();
  if (code != TOW_NOTHING) raise(code);
  return nb::none();
}

/// For run(): the next request, None when it was stopped. As long as a handler keeps as many as may
/// be unanswered, it waits until one is answered.
nb::object take_until_stopped(Server& self) {
  ServerFamily& family = *self;
  RequestPlace place(family);
  const tow_code code = family.wait(TOW_FOREVER, [&](std::int64_t slice_ns) {
    if (self.stopped) return TOW_CANCELLED;
    const tow_code taken = tow_server_take(family.handle, slice_ns, place.get());
    if (taken != TOW_TOO_MANY) return taken;
    std::this_thread::sleep_for(std::chrono::nanoseconds(slice_ns / 10));
    return TOW_NOTHING;
  });
  if (code == TOW_OK) return place.use();
  if (code != TOW_CANCELLED) raise(code);
  return nb::none();
}

using Methods = TakingMethods<Server, take_one>;

void stop(Server& self) {
  self->check_usable(Asks::handle);
  self.stopped = true;
}

PyMethodDef methods[] = {
    fast_method("take", Methods::take,
                "take($self, /, timeout=None)\n--\n\n"
                "The next Request, waiting up to `timeout` seconds (None: for ever, 0: not at "
                "all); None when none came. Raises TooMany (as many are unanswered as `concurrent` "
                "allows), Removed, Corrupt, Stale."),
    {"try_take", Methods::try_take, METH_NOARGS,
     "try_take($self, /)\n--\n\nThe next Request, or None; never waits."},
    {nullptr, nullptr, 0, nullptr}};

const PyType_Slot kSlots[] = {
    {Py_tp_methods, static_cast<void*>(methods)},
    {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
    {Py_tp_iternext, reinterpret_cast<void*>(Methods::next)},
    {Py_tp_traverse, reinterpret_cast<void*>(AwaitedSlots<Server>::traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(AwaitedSlots<Server>::clear)},
    {0, nullptr}};

nb::object open(const Bus& bus, const std::string& service, nb::handle dtype, nb::handle type_name,
                std::uint32_t concurrent, nb::handle wait_for_client, std::uint32_t known_clients,
                nb::handle spin, std::uint32_t max_attempts, std::uint64_t depth,
                std::uint64_t max_request_bytes, std::uint64_t pool_bytes, bool create) {
  const ServiceAsked asked(service, dtype, type_name);
  tow_server_options options;
  tow_server_options_init(&options);
  asked.put(options.service, max_attempts, depth, max_request_bytes, pool_bytes, create);
  options.concurrent = concurrent;
  options.known_clients = known_clients;
  options.spin_ns = ns_of(spin);
  const std::int64_t wait_ns = ns_of(wait_for_client);
  tow_server* opened = nullptr;
  check(tow_server_open(bus.handle.use(), c_text(asked.name), &options, &opened));
  return make<Server>(Ref(new ServerFamily(opened, asked.type, wait_ns)));
}

template <class Result, Result (*ask)(const tow_server*)>
Result question(const Server& self) {
  self->begin();
  return ask(self->handle);
}

void bind_questions(nb::class_<Server, Waitable>& server) {
  server
      .def_prop_ro(
          "service",
          [](const Server& self) { return question<const char*, tow_server_service>(self); },
          "The name of its service.")
      .def_prop_ro("answered", &question<std::uint64_t, tow_server_answered>, "Requests answered.")
      .def_prop_ro("dropped", &question<std::uint64_t, tow_server_dropped>,
                   "Replies given up because their client was gone or took none.")
      .def("stop", &stop,
           "Ends run(), at once or when the request at hand is done. From any thread, and from a "
           "signal handler.")
      .def("_take_until_stopped", &take_until_stopped);
}

}  // namespace

void bind_server(nb::module_& module) {
  nb::class_<Server, Waitable> server(
      module, "Server", nb::type_slots(kSlots),
      "The answering side of a service, made by Bus.server(). One thread at a time: a second one "
      "waits its turn, at most some 10 ms. Iterating takes requests for ever, and ends when the "
      "service is removed; `async for` does the same without a thread. When its process dies, "
      "callers whose requests it had begun get ServerDied, or another server does them again "
      "(max_attempts); others do what it had not begun.");
  bind_questions(server);
  bind_closing(server);
  auto bus = nb::borrow<nb::class_<Bus>>(nb::type<Bus>());
  bus.def(
      "server", &open, nb::arg("service"), nb::arg("dtype") = nb::none(), nb::kw_only(),
      nb::arg("type_name") = nb::none(), nb::arg("concurrent") = 1,
      nb::arg("wait_for_client").none() = 1.0, nb::arg("known_clients") = 64,
      nb::arg("spin").none() = kDefaultSpin, nb::arg("max_attempts") = 0, nb::arg("depth") = 0,
      nb::arg("max_request_bytes") = 0, nb::arg("pool_bytes") = 0, nb::arg("create") = true,
      nb::sig("def server(self, service: str, dtype: object = None, *, type_name: str | None = "
              "None, concurrent: int = 1, wait_for_client: float | None = 1.0, known_clients: "
              "int = 64, spin: float | None = 5e-05, max_attempts: int = 0, depth: int = 0, "
              "max_request_bytes: int = 0, pool_bytes: int = 0, create: bool = True) -> "
              "Server"),
      (std::string("A server of a service. `concurrent`: requests unanswered at a time, 1 to "
                   "256; 1 shares the work most fairly. `wait_for_client`: how many seconds an "
                   "answer waits for a living client that takes none. `known_clients`: reply "
                   "topics kept open. `spin`: how many seconds a take looks before it sleeps.") +
       kServiceDoc)
          .c_str());
}

}  // namespace tow::python
