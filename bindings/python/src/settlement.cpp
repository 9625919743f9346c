#include <vector>

#include "attributes.hpp"
#include "bind.hpp"
#include "consumer.hpp"
#include "convert.hpp"
#include "publisher.hpp"
#include "turns.hpp"

namespace tow::python {
namespace {

/// The handle of C, and whose turns it needs: its consumer's and its publishers'. It ends when
/// nobody has one of them.
struct Settling {
  tow_settlement* handle = nullptr;
  Turns turns{};

  static void end(Settling* it) {
    if (Family* const busy = it->turns.taken()) {
      busy->free_later_or_now(it, [](Family&, void* ended) { end(static_cast<Settling*>(ended)); });
    } else {
      tow_settlement_free(it->handle);
      delete it;
    }
  }
};

struct EndSettling {
  void operator()(Settling* it) const { Settling::end(it); }
};

/// Keeps its consumer and publishers, so that none of them is closed by its end while another
/// thread commits.
struct Settlement {
  Settlement(Settling* begun, nb::object of) : settling(begun), kept{std::move(of)} {}
  Settlement(const Settlement&) = delete;
  ~Settlement() { drop(); }

  bool closed() const { return !settling; }
  void close() {
    check_unused();
    drop();
  }
  void check_unused() const {
    if (used) raise(PyExc_ValueError, "another thread uses this settlement");
  }
  void drop() {
    if (settling && nb::cast<Consumer&>(kept.front()).family().inherited()) {
      (void)settling.release();  // the parent's
    }
    settling.reset();
    kept.clear();
  }

  std::unique_ptr<Settling, EndSettling> settling;  ///< null: committed or dropped
  std::vector<nb::object> kept;                     ///< its consumer first
  bool used = false;                                ///< by a thread that may wait for turns
};

/// One thread uses a settlement. Raises ValueError when it was committed or dropped, or another
/// thread is at it.
class Use {
 public:
  explicit Use(Settlement& settlement) : settlement_(settlement) {
    settlement.check_unused();
    if (settlement.closed()) raise(PyExc_ValueError, "this settlement was committed or dropped");
    settlement.used = true;
  }
  Use(const Use&) = delete;
  ~Use() { settlement_.used = false; }
  Settling* operator->() const { return settlement_.settling.get(); }

  /// Calls C with all turns.
  template <class Call>
  tow_code call(const Call& call) const {
    settlement_.settling->turns.enter(Deadline(TOW_FOREVER));
    const tow_code code = call(settlement_.settling->handle);
    settlement_.settling->turns.leave();
    return code;
  }

 private:
  Settlement& settlement_;
};

nb::handle add(nb::pointer_and_handle<Settlement> self, nb::handle delivery) {
  const Use it(*self.p);
  const Delivery& added = delivery_of(delivery);
  it->turns.add(*added.family);  // of another consumer, which C refuses
  check(it.call([&](tow_settlement* to) { return tow_settlement_add(to, added.place); }));
  return self.h;
}

nb::handle publish(nb::pointer_and_handle<Settlement> self, Publisher& publisher, nb::handle given,
                   const nb::kwargs& named) {
  PublisherFamily& to = *publisher;
  to.begin();
  const nb::object object = exporter_of(to.type.get(), given);
  const Payload payload(object.ptr());
  Attributes attributes;
  attributes.take_all("publish", named);
  const Use it(*self.p);
  it->turns.add(to);
  self.p->kept.push_back(nb::find(publisher));
  const tow_code code = it.call([&](tow_settlement* at) {
    if (to.closed()) return TOW_NOTHING;  // while this waited
    return tow_settlement_publish(at, to.handle, payload.data(), payload.bytes(), attributes.get());
  });
  if (code == TOW_NOTHING) to.check_usable(Asks::handle);
  check(code);
  return self.h;
}

/// In slices, of which one decides: signals are looked after only while nothing has happened.
tow_code commit_in_slices(const Use& it, std::int64_t timeout_ns) {
  const Deadline deadline(timeout_ns);
  tow_code code = TOW_NOTHING;
  while (it->turns.enter(deadline)) {
    const std::int64_t slice_ns = deadline.left(kSliceNs);
    without_gil([&] { code = tow_settlement_commit(it->handle, slice_ns); });
    it->turns.leave();
    if (code != TOW_TIMED_OUT || deadline.passed()) break;
    look_after_signals();
  }
  return code;
}

void commit(Settlement& self, nb::handle timeout) {
  const std::int64_t timeout_ns = ns_of(timeout);
  const tow_code code = commit_in_slices(Use(self), timeout_ns);
  if (code == TOW_NOTHING) {
    raise(error_class(TOW_TIMED_OUT),
          "other threads waited with the settlement's handles all the "
          "time; nothing has happened");
  }
  check(code);
  self.drop();
}

void leave(Settlement& self, nb::handle raised, const nb::args&) {
  if (raised.is_none() && !self.closed()) return commit(self, nb::none());
  self.close();
}

}  // namespace

nb::object settle(nb::handle consumer, const nb::args& deliveries) {
  auto& of = nb::cast<Consumer&>(consumer);
  if (deliveries.size() == 0) raise(PyExc_TypeError, "settle() needs a delivery");
  std::vector<const Delivery*> all;
  for (const nb::handle one : deliveries) all.push_back(&delivery_of(one));
  auto begun = std::make_unique<Settling>();
  for (const Delivery* const one : all) begun->turns.add(*one->family);
  begun->turns.add(*of);
  of->begin();
  begun->turns.enter(Deadline(TOW_FOREVER));
  tow_code code =
      of->closed() ? TOW_NOTHING : tow_settlement_new(of->handle, all[0]->place, &begun->handle);
  for (std::size_t i = 1; code == TOW_OK && i < all.size(); ++i) {
    code = tow_settlement_add(begun->handle, all[i]->place);
    if (code == TOW_LEASE_LOST) code = TOW_OK;  // commit() finds that, as of the first
  }
  begun->turns.leave();
  std::unique_ptr<Settling, EndSettling> owned(begun.release());
  if (code == TOW_NOTHING) of->check_usable(Asks::handle);
  check(code);
  nb::object settlement = make<Settlement>(owned.get(), nb::borrow(consumer));
  (void)owned.release();
  return settlement;
}

void bind_settlement(nb::module_& module) {
  nb::class_<Settlement> settlement(
      module, "Settlement",
      "Acks deliveries and publishes messages, all or none and exactly once, whoever dies, begun "
      "by Consumer.settle(). Nothing happens before commit(), which the good end of a `with` block "
      "calls; a block that raises drops it and leaves the deliveries as they were. At most 256 "
      "deliveries of one consumer, and 256 messages to 16 topics of many publishers of the same "
      "Bus. Any thread; it takes the turns of its consumer and publishers.");
  settlement
      .def("add", &add, nb::arg("delivery"),
           nb::sig("def add(self, delivery: Delivery) -> Settlement"),
           "One more delivery of the same consumer. Returns the settlement. Raises LeaseLost (it "
           "was settled before, or is another consumer's; the settlement cannot be committed "
           "then), TooMany.")
      .def("publish", &publish, nb::arg("publisher"), nb::arg("payload"), nb::arg("attributes"),
           nb::sig("def publish(self, publisher: Publisher, payload: object, **attributes: "
                   "Unpack[Attributes]) -> Settlement"),
           "One more message, of which it keeps a copy. Returns the settlement. Raises "
           "NotSupported (a topic of one publisher), InvalidArgument, TooLarge, TooMany.")
      .def("commit", &commit, nb::arg("timeout") = nb::none(),
           nb::sig("def commit(self, timeout: float | None = None) -> None"),
           "Acks all and publishes all, waiting up to `timeout` seconds for room; once that is "
           "decided, as long as readers hold it up. A signal handler that raises does so before "
           "anything has happened, or after the end of this call. After an error nothing has "
           "happened: LeaseLost (a delivery is this consumer's no more), TimedOut (it may be tried "
           "again), Removed, NoPermission, NoSpace, Stale (others finish it, or undo it).")
      .def("close", &Settlement::close, "Drops it, if it was not committed.")
      .def_prop_ro("closed", &Settlement::closed, "Whether it was committed or dropped.")
      .def("__enter__", [](nb::object self) { return self; })
      .def("__exit__", &leave, nb::arg("raised").none(), nb::arg("more"));
}

}  // namespace tow::python
