#pragma once
/// Exchanges and their publishers, as Python holds them.

#include "handle.hpp"

namespace tow::python {

/// Any number of threads.
struct Exchange {
  SharedHandle<tow_exchange, tow_exchange_close> handle;
  bool closed() const { return handle.closed(); }
  void close() { handle.close(); }
};

/// Bus.exchange().
nb::object open_exchange(const tow_bus* bus, const std::string& name, nb::handle kind,
                         nb::handle alternate, std::uint64_t table_bytes, bool create);

/// A publisher of an exchange. The handle of C never waits by itself: what of a message finds no
/// room goes on in slices. That is of the last message alone, so the others' threads come after it.
class ExchangePublisherFamily final : public Family {
 public:
  /// `waits`: for `wait_at_most_ns` altogether when queues are full.
  ExchangePublisherFamily(tow_exchange_publisher* opened, bool waits, std::int64_t wait_at_most_ns)
      : Family("publisher"), handle(opened), longest_wait_ns_(waits ? wait_at_most_ns : 0) {}

  /// Publishes a message that is not yet out; `reached` says how many queues got it, also when this
  /// raises.
  void publish(const char* routing_key, const void* data, std::size_t bytes,
               const tow_attributes* attributes, std::size_t& reached);

  tow_exchange_publisher* const handle;

 private:
  void close_handle() override { tow_exchange_publisher_close(handle); }

  const std::int64_t longest_wait_ns_;
  const void* unfinished_ = nullptr;  ///< whose message is on its way; null: nobody's
};

struct ExchangePublisher : FamilyHandle<ExchangePublisherFamily> {
  using FamilyHandle::FamilyHandle;
};

}  // namespace tow::python
