#include "towpath/exchange.hpp"

#include <algorithm>

#include "bus_state.hpp"
#include "exchange_state.hpp"

namespace tow {

ExchangeFiles Bus::exchange_files() const {
  return {state_->directory, state_->topics, state_->file_mode, state_->observe};
}

void Bus::prune_bindings() const { exchange_files().prune(); }

Result<Exchange> Bus::exchange(std::string_view name, const ExchangeOptions& options) const {
  if (name.empty()) {
    return make_error(Code::invalid_name,
                      "an exchange needs a name; the one without is default_exchange()");
  }
  ExchangeFiles files = exchange_files();
  auto opened = files.open_or_make(std::string(name), options);
  if (!opened) return opened.error();
  return Exchange(std::make_shared<Exchange::State>(Exchange::State{
      *this, files, std::string(name), opened->table.kind, opened->table.alternate}));
}

Exchange Bus::default_exchange() const {
  return Exchange(std::make_shared<Exchange::State>(Exchange::State{*this, exchange_files(), {}}));
}

Result<void> Bus::remove_exchange(std::string_view name) const {
  return exchange_files().remove(std::string(name));
}

std::vector<std::string> Bus::exchanges() const { return exchange_files().names(); }

const std::string& Exchange::name() const { return state_->name; }
ExchangeKind Exchange::kind() const { return state_->kind; }
const std::string& Exchange::alternate() const { return state_->alternate; }

Result<bool> Exchange::add(Binding binding) const {
  const auto& bus = state_->bus;
  const auto& files = state_->files;
  const std::string& name = state_->name;
  if (name.empty()) {
    return make_error(Code::invalid_argument,
                      "the default exchange cannot be bound: every queue is, by its name");
  }
  if (auto fine = check_binding(name, state_->kind, binding); !fine) return fine.error();
  const bool queue = binding.to == Binding::To::queue;
  return files.change(name, [&](BindingTable& table) -> Result<bool> {
    // Under the lock, so that a removal behind this finds the binding and drops it.
    const auto identity = files.identity_of(binding.to, binding.destination);
    if (!identity) {
      const std::string what = (queue ? "queue " : "exchange ") + binding.destination;
      return make_error(Code::not_found, "bind exchange " + name + ": no " + what + " on bus " +
                                             bus.path() + "; create it first");
    }
    // One that leads to an earlier life of the name is replaced.
    const auto known =
        std::find_if(table.bindings.begin(), table.bindings.end(),
                     [&binding](const BoundTo& bound) { return bound.binding == binding; });
    if (known != table.bindings.end()) {
      if (known->identity == *identity) return false;
      table.bindings.erase(known);
    }
    table.bindings.push_back({std::move(binding), *identity});
    return true;
  });
}

Result<bool> Exchange::drop(const Binding& binding) const {
  if (state_->name.empty()) {
    return make_error(Code::invalid_argument,
                      "the default exchange has no bindings that could be undone");
  }
  return state_->files.change(state_->name, [&binding](BindingTable& table) -> Result<bool> {
    return std::erase_if(table.bindings, [&binding](const BoundTo& bound) {
             return bound.binding == binding;
           }) != 0;
  });
}

Result<bool> Exchange::bind(std::string_view queue, std::string_view key,
                            const Headers& arguments) const {
  return add({Binding::To::queue, std::string(queue), std::string(key), arguments});
}

Result<bool> Exchange::bind_exchange(std::string_view exchange, std::string_view key,
                                     const Headers& arguments) const {
  return add({Binding::To::exchange, std::string(exchange), std::string(key), arguments});
}

Result<bool> Exchange::unbind(std::string_view queue, std::string_view key,
                              const Headers& arguments) const {
  return drop({Binding::To::queue, std::string(queue), std::string(key), arguments});
}

Result<bool> Exchange::unbind_exchange(std::string_view exchange, std::string_view key,
                                       const Headers& arguments) const {
  return drop({Binding::To::exchange, std::string(exchange), std::string(key), arguments});
}

Result<std::vector<Binding>> Exchange::bindings() const {
  std::vector<Binding> bindings;
  if (state_->name.empty()) return bindings;
  auto opened = state_->files.open(state_->name);
  if (!opened) return opened.error();
  state_->files.drop_dead(opened->table);
  for (BoundTo& bound : opened->table.bindings) bindings.push_back(std::move(bound.binding));
  return bindings;
}

}  // namespace tow
