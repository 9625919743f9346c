#include "hooks.hpp"

#include <cstdio>
#include <cstdlib>

#include "sites.hpp"
#include "towpath/shm/clock.hpp"

namespace tow::schedule {
namespace {

using shm::explore::Change;
using shm::explore::Place;

std::uint64_t raw(const Place& place) { return read_raw(place.at, place.bytes); }

/// What a change stores where `seen` is; nothing changes when an exchange expected another.
std::uint64_t changed(Change how, std::uint64_t seen, std::uint64_t value) {
  if (how == Change::add) return seen + value;
  return how == Change::merge ? seen | value : value;
}

std::memory_order on_failure(std::memory_order order) {
  if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
  return order == std::memory_order_release ? std::memory_order_relaxed : order;
}

}  // namespace

std::uint64_t Hooks::load(const Place& place, std::memory_order order) {
  if (ghost()) return raw(place);
  Explorer& e = *explorer;
  const std::size_t word = e.step(place, Explorer::Access::load);
  if (word == Explorer::kNobodyElse || ghost()) return raw(place);
  e.meet_buffers(word);
  const std::size_t back = e.choose_store(word, order, nullptr);
  if (ghost()) return raw(place);
  const std::uint64_t value = e.memory_.load(e.me(), word, back, order);
  e.observe(value);
  return value;
}

void Hooks::store(const Place& place, std::uint64_t value, std::memory_order order) {
  if (ghost()) return;
  Explorer& e = *explorer;
  const std::size_t word = e.step(place, Explorer::Access::store);
  if (ghost()) return;
  if (word == Explorer::kNobodyElse) return write_raw(place.at, value, place.bytes);
  e.memory_.store(e.me(), word, value, order);
  e.observe(1);
}

bool Hooks::change(const Place& place, Change how, std::uint64_t& seen, std::uint64_t value,
                   std::memory_order order) {
  Explorer& e = *explorer;
  const std::size_t word =
      ghost() ? Explorer::kNobodyElse : e.step(place, Explorer::Access::exchange);
  const std::uint64_t wanted = seen;
  const bool exchanges = how == Change::exchange;
  if (word != Explorer::kNobodyElse && !ghost()) {
    e.memory_.flush(e.me());
    e.meet_buffers(word);
    const std::size_t back = exchanges ? e.choose_store(word, on_failure(order), &wanted) : 0;
    if (back != 0) {
      seen = e.memory_.load(e.me(), word, back, on_failure(order));
      e.observe(seen);
      return false;
    }
  }
  seen = raw(place);
  if (ghost()) return false;
  const bool done = !exchanges || seen == wanted;
  if (word == Explorer::kNobodyElse) {
    if (done) write_raw(place.at, changed(how, seen, value), place.bytes);
    return done;
  }
  e.memory_.load(e.me(), word, 0, done ? order : on_failure(order));
  const std::uint64_t most = ~std::uint64_t{0} >> (64 - 8 * place.bytes);
  if (done) e.memory_.replace(e.me(), word, changed(how, seen, value) & most, order);
  e.observe(seen);
  return done;
}

void Hooks::fence(std::memory_order order) {
  if (ghost()) return;
  // The others can tell on which side of this fence they were, or its actor's death.
  if (order == std::memory_order_seq_cst) explorer->interleave(true);
  if (!ghost()) explorer->memory_.fence(explorer->me(), order);
}

void Hooks::barrier(bool ordered) {
  if (ghost()) return;
  explorer->interleave(false);
  if (ghost()) return;
  for (std::size_t i = 0; i < explorer->actors_.size(); ++i) explorer->memory_.flush(i);
  explorer->memory_.barrier(explorer->me(), ordered);
}

std::uint64_t Hooks::plain_load(const Place& place) {
  if (ghost()) return raw(place);
  Explorer& e = *explorer;
  const std::size_t word = e.step(place, Explorer::Access::load);
  if (word == Explorer::kNobodyElse || ghost()) return raw(place);
  e.meet_buffers(word);
  const std::uint64_t value = e.memory_.plain_load(e.me(), word);
  e.observe(value);
  return value;
}

void Hooks::plain_store(const Place& place, std::uint64_t value) {
  if (ghost()) return;
  Explorer& e = *explorer;
  const std::size_t word = e.step(place, Explorer::Access::store);
  if (ghost()) return;
  if (word == Explorer::kNobodyElse) return write_raw(place.at, value, place.bytes);
  e.memory_.plain_store(e.me(), word, value);
  e.observe(1);
}

void Hooks::before_kernel() {
  if (!ghost()) explorer->interleave(false);
}

void Hooks::after_kernel(std::uint64_t answer) { explorer->observe(answer); }

void Hooks::found_free(std::size_t lock) {
  if (!ghost()) explorer->memory_.found_free(explorer->me(), lock);
}

void Hooks::unlocked(std::size_t lock) {
  if (explorer != nullptr && explorer->running_ != Explorer::kNobody) {
    explorer->memory_.unlock(explorer->me(), lock);
  }
}

void Hooks::fail(const std::string& text) { explorer->fail(text); }

void Hooks::wait(std::function<bool()> wake, const std::string& what) {
  if (!ghost()) explorer->wait(std::move(wake), what);
}

void Hooks::shelter(const std::function<void()>& body) {
  if (ghost()) return;
  explorer->self().sheltered = true;
  body();
  explorer->self().sheltered = false;
  if (ghost()) explorer->vanish();
}

void fail(const std::string& text) { Hooks::fail(text); }

void wait_until(std::function<bool()> wake, const std::string& what) {
  Hooks::wait(std::move(wake), what);
}

void breathe() {
  if (Hooks::active()) Hooks::before_kernel();
}

void shelter(const std::function<void()>& body) { Hooks::shelter(body); }

std::uint64_t plain_load(const std::uint64_t& word) {
  const Place place{const_cast<std::uint64_t*>(&word), sizeof word};
  return Hooks::active() ? Hooks::plain_load(place) : raw(place);
}

void plain_store(std::uint64_t& word, std::uint64_t value) {
  if (Hooks::active()) return Hooks::plain_store({&word, sizeof word}, value);
  word = value;
}

void let_register_for_barriers(bool allowed) { Hooks::has_barriers = allowed; }

void unlocked(std::size_t lock) { Hooks::unlocked(lock); }

}  // namespace tow::schedule

namespace tow::shm::explore {

using schedule::Hooks;
using schedule::Weakened;

std::uint64_t load(Place place, Order order) {
  if (!Hooks::active()) return schedule::read_raw(place.at, place.bytes);
  return Hooks::load(place, schedule::order_at(order.site, order.order, Weakened::Kind::load));
}

void store(Place place, std::uint64_t value, Order order) {
  if (!Hooks::active()) return schedule::write_raw(place.at, value, place.bytes);
  Hooks::store(place, value, schedule::order_at(order.site, order.order, Weakened::Kind::store));
}

bool change(Place place, Change how, std::uint64_t& seen, std::uint64_t value, Order order) {
  if (Hooks::active()) {
    const auto left = schedule::order_at(order.site, order.order, Weakened::Kind::exchange);
    return Hooks::change(place, how, seen, value, left);
  }
  const std::uint64_t old = schedule::read_raw(place.at, place.bytes);
  const bool done = how != Change::exchange || old == seen;
  seen = old;
  if (done) schedule::write_raw(place.at, schedule::changed(how, old, value), place.bytes);
  return done;
}

void fence(Order order) {
  if (!Hooks::active()) return;
  const auto left = schedule::order_at(order.site, order.order, Weakened::Kind::fence);
  if (left != std::memory_order_relaxed) Hooks::fence(left);
}

void compiler_fence(Site site) {
  if (Hooks::active()) schedule::order_at(site, kSeqCst, Weakened::Kind::compiler);
}

void barrier_everywhere(Site site) {
  if (!Hooks::active()) return;
  const auto left = schedule::order_at(site, kSeqCst, Weakened::Kind::barrier);
  if (left != std::memory_order_relaxed) Hooks::barrier(!schedule::compiler_may_move());
}

bool has_barriers() { return Hooks::has_barriers; }

bool futex_wait(const void* word, std::uint32_t seen) {
  if (!Hooks::active()) return false;
  const auto rung = [=] { return schedule::read_raw(word, sizeof seen) != seen; };
  Hooks::wait(rung, "the bell");
  return true;
}

}  // namespace tow::shm::explore
