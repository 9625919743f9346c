#include "towpath/exchange.hpp"

#include "handles.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

constexpr tow_exchange_options kDefaults{.struct_bytes = sizeof(tow_exchange_options),
                                         .kind = TOW_EXCHANGE_ANY,
                                         .alternate = nullptr,
                                         .table_bytes = 0,
                                         .create = true};

using Kind = tow::ExchangeKind;
static_assert(static_cast<int>(Kind::any) == TOW_EXCHANGE_ANY);
static_assert(static_cast<int>(Kind::direct) == TOW_EXCHANGE_DIRECT);
static_assert(static_cast<int>(Kind::fanout) == TOW_EXCHANGE_FANOUT);
static_assert(static_cast<int>(Kind::topic) == TOW_EXCHANGE_TOPIC);
static_assert(static_cast<int>(Kind::headers) == TOW_EXCHANGE_HEADERS);

struct OwnBinding : tow_binding {
  explicit OwnBinding(tow::Binding&& of)
      : destination_(std::move(of.destination)),
        key_(std::move(of.key)),
        arguments_{std::move(of.arguments)} {
    to = of.to == tow::Binding::To::exchange ? TOW_BINDING_TO_EXCHANGE : TOW_BINDING_TO_QUEUE;
    destination = destination_.c_str();
    key = key_.c_str();
    arguments = &arguments_;
  }
  OwnBinding(const OwnBinding&) = delete;

 private:
  std::string destination_, key_;
  tow_headers arguments_;
};

struct OwnBindings : tow_bindings {
  explicit OwnBindings(std::vector<tow::Binding>&& all) {
    own.reserve(all.size());
    for (tow::Binding& one : all) {
      own.push_back(std::make_unique<OwnBinding>(std::move(one)));
      pointers.push_back(own.back().get());
    }
    count = pointers.size();
    bindings = pointers.data();
  }
  std::vector<std::unique_ptr<OwnBinding>> own;
  std::vector<const tow_binding*> pointers;
};

/// Runs one of two functions of an exchange, by what the binding leads to.
template <class ToQueue, class ToExchange>
tow_code change(const tow_exchange* exchange, tow_binding_to to, const char* destination,
                bool* changed, const ToQueue& to_queue, const ToExchange& to_exchange) {
  if (exchange == nullptr) return null_argument("the exchange");
  if (destination == nullptr) return null_argument("the destination");
  return guarded([&] {
    const std::uint32_t kind = number_of(to);
    if (kind > TOW_BINDING_TO_EXCHANGE) return bad_member("the tow_binding_to");
    const auto done = kind == TOW_BINDING_TO_QUEUE ? to_queue() : to_exchange();
    if (done && changed != nullptr) *changed = *done;
    return code_of(done);
  });
}

tow::Headers headers_or_none(const tow_headers* headers) {
  return headers == nullptr ? tow::Headers() : headers->headers;
}

}  // namespace

void tow_exchange_options_init_sized(tow_exchange_options* options, size_t struct_bytes) {
  initialise(options, struct_bytes, kDefaults);
}

tow_code tow_exchange_open(const tow_bus* bus, const char* name,
                           const tow_exchange_options* options, tow_exchange** exchange) {
  if (const tow_code fault = need({{bus, "the bus"},
                                   {name, "the exchange's name"},
                                   {exchange, "the pointer to the exchange"}})) {
    return fault;
  }
  tow_exchange_options given = kDefaults;
  if (const tow_code fault = read(options, "tow_exchange_options", given)) return fault;
  return guarded([&] {
    if (*name == '\0') {
      return *exchange = new tow_exchange{bus->bus.default_exchange()}, TOW_OK;
    }
    tow::ExchangeOptions asked{.alternate = std::string(text_or_empty(given.alternate)),
                               .table_bytes = given.table_bytes,
                               .create = given.create};
    if (!convert(given.kind, TOW_EXCHANGE_HEADERS, asked.kind)) {
      return bad_member("tow_exchange_options.kind");
    }
    auto opened = bus->bus.exchange(name, asked);
    if (opened) *exchange = new tow_exchange{std::move(*opened)};
    return code_of(opened);
  });
}

void tow_exchange_close(tow_exchange* exchange) { delete exchange; }

const char* tow_exchange_name(const tow_exchange* exchange) {
  return ask(exchange, "the exchange", "",
             [](const tow_exchange& it) { return it.exchange.name().c_str(); });
}

tow_exchange_kind tow_exchange_kind_of(const tow_exchange* exchange) {
  return ask(exchange, "the exchange", TOW_EXCHANGE_ANY, [](const tow_exchange& it) {
    return static_cast<tow_exchange_kind>(it.exchange.kind());
  });
}

const char* tow_exchange_alternate(const tow_exchange* exchange) {
  return ask(exchange, "the exchange", "",
             [](const tow_exchange& it) { return it.exchange.alternate().c_str(); });
}

tow_code tow_exchange_bind(const tow_exchange* exchange, tow_binding_to to, const char* destination,
                           const char* key, const tow_headers* arguments, bool* changed) {
  const auto of = text_or_empty(key);
  return change(
      exchange, to, destination, changed,
      [&] { return exchange->exchange.bind(destination, of, headers_or_none(arguments)); },
      [&] {
        return exchange->exchange.bind_exchange(destination, of, headers_or_none(arguments));
      });
}

tow_code tow_exchange_unbind(const tow_exchange* exchange, tow_binding_to to,
                             const char* destination, const char* key, const tow_headers* arguments,
                             bool* changed) {
  const auto of = text_or_empty(key);
  return change(
      exchange, to, destination, changed,
      [&] { return exchange->exchange.unbind(destination, of, headers_or_none(arguments)); },
      [&] {
        return exchange->exchange.unbind_exchange(destination, of, headers_or_none(arguments));
      });
}

tow_code tow_exchange_bindings(const tow_exchange* exchange, const tow_bindings** bindings) {
  if (const tow_code fault =
          need({{exchange, "the exchange"}, {bindings, "the pointer to the bindings"}})) {
    return fault;
  }
  return guarded([&] {
    auto all = exchange->exchange.bindings();
    if (all) *bindings = new OwnBindings(std::move(*all));
    return code_of(all);
  });
}

void tow_bindings_free(const tow_bindings* bindings) {
  delete static_cast<const OwnBindings*>(bindings);
}
