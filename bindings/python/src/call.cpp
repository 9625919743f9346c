#include "arguments.hpp"
#include "bind.hpp"
#include "client.hpp"
#include "convert.hpp"
#include "message.hpp"

namespace tow::python {
namespace {

using Take = tow_code (*)(tow_call*, tow_message*);

/// A call under way. Keeps its client's Python object: so nobody closes the client but by close().
struct PendingCall : Waitable {
  PendingCall(nb::handle of, tow_call* begun)
      : client(nb::borrow(of)), own(nb::cast<Client&>(of).ref()), call(begun) {}
  PendingCall(const PendingCall&) = delete;
  ~PendingCall() override { end(); }
  Family& family() const override { return *own; }
  Asks asks() const override { return Asks::part; }
  tow_waitable* waitable() const override { return tow_call_waitable(call); }
  bool ready() const override { return call == nullptr || tow_call_wait(call, 0); }

  /// For C, on the client's turn, which this takes. Raises ValueError when it was closed.
  tow_call* begin() const {
    own->begin(Asks::part);
    if (call == nullptr) raise(PyExc_ValueError, "this call is closed");
    return call;
  }
  bool closed() const { return call == nullptr; }
  void close() {
    if (!own->inherited()) own->begin(Asks::part);
    end();
  }
  void end() {
    if (call == nullptr) return;
    own->free_part_of<tow_call, tow_call_close>(std::exchange(call, nullptr));
  }

  const nb::object client;
  const Ref<ClientFamily> own;
  tow_call* call;  ///< null: closed; changes on its turn
};

/// Waits until something may be taken from the call that `call` points to. False: not in time.
bool wait_for(ClientFamily& family, tow_call* const& call, std::int64_t timeout_ns) {
  const tow_code code = family.wait(
      timeout_ns,
      [&](std::int64_t slice_ns) {
        // Another thread may have closed it between the slices.
        return call == nullptr || tow_call_wait(call, slice_ns) ? TOW_OK : TOW_NOTHING;
      },
      Asks::part);
  return code == TOW_OK;
}

/// The reply that `take` gives once it need not wait; None behind the last.
nb::object take_reply(ClientFamily& family, tow_call* call, Take take) {
  tow_message* const place = family.place();
  const tow_code code = take(call, place);
  if (code == TOW_OK) [[likely]]
    return make<Message>(place, &family, nullptr);
  family.give_back(place);
  if (code != TOW_NOTHING) raise(code);
  return nb::none();
}

template <Take take>
nb::object next_reply(PendingCall& self) {
  (void)self.begin();
  wait_for(*self.own, self.call, TOW_FOREVER);
  return take_reply(*self.own, self.begin(), take);
}

bool wait(PendingCall& self, nb::handle timeout) {
  (void)self.begin();
  return wait_for(*self.own, self.call, ns_of(timeout));
}

PyObject* iterate(PyObject* self) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    nb::object reply = next_reply<tow_call_next>(object_of<PendingCall>(self));
    return reply.is_none() ? nullptr : reply.release().ptr();
  });
}

const PyType_Slot kSlots[] = {
    {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
    {Py_tp_iternext, reinterpret_cast<void*>(iterate)},
    {Py_tp_traverse, reinterpret_cast<void*>(AwaitedSlots<PendingCall>::traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(AwaitedSlots<PendingCall>::clear)},
    {0, nullptr}};

}  // namespace

nb::object call_object(nb::handle client, tow_call* call) {
  return make<PendingCall>(client, call);
}

nb::object reply_to(ClientFamily& family, tow_call* call) {
  struct End {
    ClientFamily* family;
    void operator()(tow_call* it) const { family->free_part_of<tow_call, tow_call_close>(it); }
  };
  const std::unique_ptr<tow_call, End> owned(call, End{&family});
  wait_for(family, call, TOW_FOREVER);
  return take_reply(family, call, tow_call_get);
}

void bind_call(nb::module_& module) {
  nb::class_<PendingCall, Waitable> call(
      module, "PendingCall", nb::type_slots(kSlots),
      "A request that was sent, made by Client.send(). Iterating takes all replies of a stream, as "
      "does `async for`. One that ends, or leaves a `with` block, before its last reply is "
      "cancelled. On its client's turn, from any thread. It may be used when its client is "
      "closed.");
  call.def("next", &next_reply<tow_call_next>, nb::sig("def next(self) -> Message | None"),
           "The next reply of a stream, waiting until the call's time is over; None behind the "
           "last. Raises TimedOut, NoServer, ServerDied (the kernel says so), NoReply (settled "
           "without one), RequestFailed (the server's own words; `errno` is its number), TooMany "
           "(replies wait), Cancelled, Removed, Stale.")
      .def("get", &next_reply<tow_call_get>, nb::sig("def get(self) -> Message"),
           "The reply; of a stream, the next part. Raises as next(), and NoReply behind the last.")
      .def("wait", &wait, nb::arg("timeout") = nb::none(),
           nb::sig("def wait(self, timeout: float | None = None) -> bool"),
           "True when next() would not wait; waits up to `timeout` seconds for it.")
      .def(
          "cancel", [](PendingCall& self) { tow_call_cancel(self.begin()); },
          "The caller wants no more: not begun yet, the request never will be; else the server's "
          "next reply raises Cancelled.")
      .def_prop_ro(
          "_client", [](const PendingCall& self) { return self.client; }, "Its client.");
  bind_closing(call);
}

}  // namespace tow::python
