#include "handles.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

/// Runs `body`, which may settle the delivery.
template <class Body>
tow_code settle(tow_delivery* delivery, const Body& body) {
  if (delivery == nullptr) return null_argument("the delivery");
  return guarded([&] {
    const tow_code code = code_of(body(delivery->delivery));
    delivery->let_go_if_done();  // the last to need it may end the consumer
    return code;
  });
}

template <class T, class Body>
T ask_delivery(const tow_delivery* delivery, T otherwise, const Body& body) {
  return ask(delivery, "the delivery", otherwise,
             [&](const tow_delivery& it) { return body(it.delivery); });
}

}  // namespace

tow_code tow_delivery_new(tow_delivery** delivery) {
  if (delivery == nullptr) return null_argument("the pointer to the delivery");
  return guarded([&] { return *delivery = new tow_delivery, TOW_OK; });
}

void tow_delivery_free(tow_delivery* delivery) {
  if (delivery != nullptr) delivery->let_go();
}

const tow_message* tow_delivery_message(const tow_delivery* delivery) {
  if (delivery == nullptr) return (void)null_argument("the delivery"), nullptr;
  return &delivery->message;
}

uint32_t tow_delivery_attempts(const tow_delivery* delivery) {
  return ask_delivery(delivery, uint32_t{0}, [](const auto& it) { return it.attempts(); });
}

bool tow_delivery_redelivered(const tow_delivery* delivery) {
  return ask_delivery(delivery, false, [](const auto& it) { return it.redelivered(); });
}

bool tow_delivery_settled(const tow_delivery* delivery) {
  return ask_delivery(delivery, true, [](const auto& it) { return it.settled(); });
}

tow_code tow_delivery_ack(tow_delivery* delivery) {
  return settle(delivery, [](tow::Delivery<>& it) { return it.ack(); });
}

tow_code tow_delivery_ack_all(tow_delivery* const* deliveries, size_t count, size_t* acked) {
  if (deliveries == nullptr && count != 0) return null_argument("the array of deliveries");
  for (size_t i = 0; i < count; ++i) {
    if (deliveries[i] == nullptr) return null_argument("a delivery of the array");
  }
  size_t done = 0;
  for (size_t i = 0; i < count; ++i) done += tow_delivery_ack(deliveries[i]) == TOW_OK ? 1 : 0;
  if (acked != nullptr) *acked = done;
  return TOW_OK;
}

tow_code tow_delivery_release(tow_delivery* delivery) {
  return settle(delivery, [](tow::Delivery<>& it) { return it.release(); });
}

tow_code tow_delivery_retry(tow_delivery* delivery, int64_t after_ns) {
  return settle(delivery, [&](tow::Delivery<>& it) {
    return after_ns < 0 ? it.retry() : it.retry(ns(after_ns));
  });
}

tow_code tow_delivery_reject(tow_delivery* delivery, const char* reason) {
  return settle(delivery, [&](tow::Delivery<>& it) { return it.reject(text_or_empty(reason)); });
}

tow_code tow_delivery_renew(tow_delivery* delivery) {
  return settle(delivery, [](tow::Delivery<>& it) { return it.renew(); });
}
