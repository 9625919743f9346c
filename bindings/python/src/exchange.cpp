#include "exchange.hpp"

#include "attributes.hpp"
#include "bind.hpp"
#include "convert.hpp"
#include "info.hpp"
#include "reading.hpp"

namespace tow::python {
namespace {

constexpr const char* kKinds[] = {"any", "direct", "fanout", "topic", "headers"};
constexpr const char* kTo[] = {"queue", "exchange"};

/// Of a name, or of what has one: a Queue, a Topic, an Exchange.
std::string name_of(nb::handle destination) {
  const bool is_text = PyUnicode_Check(destination.ptr()) != 0;
  return nb::cast<std::string>(is_text ? nb::borrow(destination) : destination.attr("name"));
}

using Change = tow_code (*)(const tow_exchange*, tow_binding_to, const char*, const char*,
                            const tow_headers*, bool*);

/// Binds or unbinds. Others who change an exchange may take a while, so this is without the GIL.
template <Change change, tow_binding_to to>
bool change_binding(const Exchange& self, nb::handle destination, const std::string& key,
                    nb::handle arguments) {
  const std::string name = name_of(destination);
  const char* const c_name = c_text(name);
  const char* const c_key = c_text(key);
  const Headers headers = arguments.is_none() ? Headers() : headers_of(arguments);
  const auto exchange = self.handle.shared();
  bool changed = false;
  tow_code code = TOW_OK;
  without_gil([&] { code = change(exchange.get(), to, c_name, c_key, headers.get(), &changed); });
  check(code);
  return changed;
}

nb::list bindings(const Exchange& self) {
  const tow_bindings* all = nullptr;
  check(tow_exchange_bindings(self.handle.use(), &all));
  const std::unique_ptr<const tow_bindings, decltype(&tow_bindings_free)> owned(all,
                                                                                &tow_bindings_free);
  const nb::object kind = info_class("Binding");
  nb::list list;
  for (std::size_t i = 0; i < all->count; ++i) {
    const tow_binding& it = *all->bindings[i];
    list.append(kind(nb::arg("to") = kTo[it.to], nb::arg("destination") = text_of(it.destination),
                     nb::arg("key") = text_of(it.key),
                     nb::arg("arguments") = dict_of(it.arguments)));
  }
  return list;
}

nb::object publisher(const Exchange& self, const std::string& when_full, nb::handle wait_at_most,
                     bool mandatory, bool carry_routing_key) {
  tow_exchange_publisher_options options;
  tow_exchange_publisher_options_init(&options);
  options.when_full = enum_of<tow_when_full>("when_full", when_full, kWhenFull);
  options.wait_at_most_ns = 0;
  options.mandatory = mandatory;
  options.carry_routing_key = carry_routing_key;
  const std::int64_t wait_at_most_ns = ns_of(wait_at_most);
  tow_exchange_publisher* opened = nullptr;
  check(tow_exchange_publisher_open(self.handle.use(), &options, &opened));
  return make<ExchangePublisher>(Ref(new ExchangePublisherFamily(
      opened, options.when_full == TOW_WHEN_FULL_WAIT, wait_at_most_ns)));
}

nb::object alternate(const Exchange& self) {
  const char* const name = tow_exchange_alternate(self.handle.use());
  return *name == '\0' ? nb::none() : nb::object(text_of(name));
}

template <Change change, tow_binding_to to>
void bind_change(nb::class_<Exchange>& exchange, const char* name, const char* parameter,
                 const char* signature, const char* doc) {
  exchange.def(name, &change_binding<change, to>, nb::arg(parameter), nb::arg("key") = "",
               nb::arg("arguments") = nb::none(), nb::sig(signature), doc);
}

void bind_changes(nb::class_<Exchange>& exchange) {
  bind_change<tow_exchange_bind, TOW_BINDING_TO_QUEUE>(
      exchange, "bind", "queue",
      "def bind(self, queue: str | Queue, key: str = '', arguments: Headers | None = None) -> bool",
      "Lets messages that match go to a queue (or topic), which must exist; from the next publish "
      "on, in whatever process. False when it was there. `arguments`, of kind \"headers\": what a "
      "message must have, all of it, or any with \"x-match\": \"any\"; None asks for the header, "
      "whatever its value. Raises NotFound, InvalidName, InvalidArgument, TooMany, NoPermission, "
      "TimedOut, Removed, Corrupt.");
  bind_change<tow_exchange_bind, TOW_BINDING_TO_EXCHANGE>(
      exchange, "bind_exchange", "exchange",
      "def bind_exchange(self, exchange: str | Exchange, key: str = '', arguments: Headers | None "
      "= None) -> bool",
      "The same to another exchange, which then evaluates its own bindings.");
  bind_change<tow_exchange_unbind, TOW_BINDING_TO_QUEUE>(
      exchange, "unbind", "queue",
      "def unbind(self, queue: str | Queue, key: str = '', arguments: Headers | None = None) -> "
      "bool",
      "Undoes bind(); False when there was no such binding.");
  bind_change<tow_exchange_unbind, TOW_BINDING_TO_EXCHANGE>(
      exchange, "unbind_exchange", "exchange",
      "def unbind_exchange(self, exchange: str | Exchange, key: str = '', arguments: Headers | "
      "None = None) -> bool",
      "Undoes bind_exchange(); False when there was no such binding.");
}

}  // namespace

nb::object open_exchange(const tow_bus* bus, const std::string& name, nb::handle kind,
                         nb::handle alternate, std::uint64_t table_bytes, bool create) {
  const OptionalText alternate_name(alternate);
  tow_exchange_options options;
  tow_exchange_options_init(&options);
  if (!kind.is_none()) {
    options.kind = enum_of<tow_exchange_kind>("kind", nb::cast<std::string>(kind), kKinds);
  }
  options.alternate = alternate_name.c_str();
  options.table_bytes = table_bytes;
  options.create = create;
  tow_exchange* opened = nullptr;
  check(tow_exchange_open(bus, c_text(name), &options, &opened));
  return make<Exchange>(Exchange{{"exchange", opened}});
}

void bind_exchange(nb::module_& module) {
  nb::class_<Exchange> exchange(
      module, "Exchange",
      "A table of bindings, kept in the bus, that its publishers evaluate; made by Bus.exchange(). "
      "Any number of threads may use it. What was made from it may outlive it.");
  exchange
      .def_prop_ro(
          "name",
          [](const Exchange& self) { return text_of(tow_exchange_name(self.handle.use())); },
          "Its name; \"\" of the default exchange.")
      .def_prop_ro(
          "kind",
          [](const Exchange& self) { return kKinds[tow_exchange_kind_of(self.handle.use())]; },
          "\"direct\", \"fanout\", \"topic\" or \"headers\".")
      .def_prop_ro("alternate", &alternate, nb::sig("def alternate(self) -> str | None"),
                   "The exchange that gets what no binding matches; None: none.")
      .def("bindings", &bindings, nb::sig("def bindings(self) -> list[Binding]"),
           "All that lead somewhere, in the order in which they were made.")
      .def("publisher", &publisher, nb::kw_only(), nb::arg("when_full") = "wait",
           nb::arg("wait_at_most") = nb::none(), nb::arg("mandatory") = false,
           nb::arg("carry_routing_key") = true,
           nb::sig("def publisher(self, *, when_full: str = 'wait', wait_at_most: float | None = "
                   "None, mandatory: bool = False, carry_routing_key: bool = True) -> "
                   "ExchangePublisher"),
           "A publisher. `when_full`: \"wait\" for full queues, up to `wait_at_most` seconds for "
           "all of a message together, \"fail\" or \"drop\"; queues with room get it first in any "
           "case. `mandatory`: a message that reaches no queue is Unroutable. `carry_routing_key`: "
           "as the message's key, where it is given none. Raises Removed, Corrupt, NoPermission.");
  bind_changes(exchange);
  bind_closing(exchange);
}

}  // namespace tow::python
