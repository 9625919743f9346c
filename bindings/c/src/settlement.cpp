#include "towpath/settlement.hpp"

#include "attributes.hpp"
#include "handles.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

/// What the settlement points to stays until it has ended.
void keep(tow_settlement& settlement, tow_delivery* delivery) {
  settlement.deliveries.emplace_back(delivery);
  ++delivery->settlements;
}

}  // namespace

tow_code tow_settlement_new(tow_consumer* consumer, tow_delivery* delivery,
                            tow_settlement** settlement) {
  if (const tow_code fault = need({{consumer, "the consumer"},
                                   {delivery, "the delivery"},
                                   {settlement, "the pointer to the settlement"}})) {
    return fault;
  }
  return guarded([&] {
    auto made = std::make_unique<tow_settlement>(consumer, delivery);
    keep(*made, delivery);
    *settlement = made.release();
    return TOW_OK;
  });
}

void tow_settlement_free(tow_settlement* settlement) { delete settlement; }

tow_code tow_settlement_add(tow_settlement* settlement, tow_delivery* delivery) {
  if (settlement == nullptr) return null_argument("the settlement");
  if (delivery == nullptr) return null_argument("the delivery");
  return guarded([&] {
    settlement->deliveries.reserve(settlement->deliveries.size() + 1);
    const auto added = settlement->settlement.add(delivery->delivery);
    if (added || !(added.error() == tow::Code::too_many)) keep(*settlement, delivery);
    return code_of(added);
  });
}

tow_code tow_settlement_publish(tow_settlement* settlement, tow_publisher* publisher,
                                const void* data, size_t bytes, const tow_attributes* attributes) {
  if (const tow_code fault = need({{settlement, "the settlement"}, {publisher, "the publisher"}})) {
    return fault;
  }
  if (data == nullptr && bytes != 0) return null_argument("the payload");
  return guarded([&] {
    tow::Attributes asked;
    if (const tow_code fault = read(attributes, asked)) return fault;
    settlement->publishers.reserve(settlement->publishers.size() + 1);
    const auto added = settlement->settlement.publish(
        publisher->publisher, {static_cast<const char*>(data), bytes}, asked);
    if (added) settlement->publishers.emplace_back(publisher);
    return code_of(added);
  });
}

tow_code tow_settlement_commit(tow_settlement* settlement, int64_t timeout_ns) {
  if (settlement == nullptr) return null_argument("the settlement");
  return guarded([&] {
    const tow_code code = code_of(settlement->settlement.commit(ns(timeout_ns)));
    if (code == TOW_OK) settlement->forget();
    return code;
  });
}
