#include "towpath/consumer.hpp"

#include "batch.hpp"
#include "handles.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

constexpr tow_consumer_options kDefaults{
    .struct_bytes = sizeof(tow_consumer_options), .prefetch = 8, .max_held = 64, .spin_ns = 50'000};

tow_code take_one(tow_consumer* from, int64_t timeout_ns, tow_delivery* to) {
  if (to->settlements != 0) {
    return fail(TOW_INVALID_ARGUMENT,
                "a delivery that is part of a settlement cannot be taken into before the "
                "settlement is committed or freed");
  }
  to->delivery = tow::Delivery<>();
  to->consumer.reset();
  tow::Consumer<>& it = from->consumer;
  tow::Delivery<> taken = timeout_ns > 0 ? it.take(ns(timeout_ns)) : it.try_take();
  if (!taken) return taken.failed() ? fail(taken.error()) : TOW_NOTHING;
  to->delivery = std::move(taken);
  to->consumer.set(from);
  return TOW_OK;
}

}  // namespace

void tow_consumer_options_init_sized(tow_consumer_options* options, size_t struct_bytes) {
  initialise(options, struct_bytes, kDefaults);
}

tow_code tow_consumer_open(const tow_group* group, const tow_consumer_options* options,
                           tow_consumer** consumer) {
  if (const tow_code fault =
          need({{group, "the group"}, {consumer, "the pointer to the consumer"}})) {
    return fault;
  }
  tow_consumer_options given = kDefaults;
  if (const tow_code fault = read(options, "tow_consumer_options", given)) return fault;
  return guarded([&] {
    auto opened = group->group.consumer(
        {.prefetch = given.prefetch, .max_held = given.max_held, .spin = ns(given.spin_ns)});
    if (opened) *consumer = new tow_consumer(std::move(*opened));
    return code_of(opened);
  });
}

void tow_consumer_close(tow_consumer* consumer) {
  if (consumer != nullptr) consumer->let_go();
}

uint32_t tow_consumer_outstanding(const tow_consumer* consumer) {
  return ask(consumer, "the consumer", uint32_t{0},
             [](const tow_consumer& it) { return it.consumer.outstanding(); });
}

tow_code tow_consumer_take(tow_consumer* consumer, int64_t timeout_ns, tow_delivery* delivery) {
  if (consumer == nullptr) return null_argument("the consumer");
  if (delivery == nullptr) return null_argument("the delivery");
  return guarded([&] { return take_one(consumer, timeout_ns, delivery); });
}

tow_code tow_consumer_take_batch(tow_consumer* consumer, int64_t timeout_ns,
                                 tow_delivery* const* deliveries, size_t max, size_t* count) {
  if (const tow_code fault = need({{consumer, "the consumer"},
                                   {deliveries, "the array of deliveries"},
                                   {count, "the pointer to the count"}})) {
    return fault;
  }
  return take_batch(
      deliveries, max, "a delivery of the array", timeout_ns, count,
      [&](tow_delivery* to, int64_t wait_ns) { return take_one(consumer, wait_ns, to); });
}
