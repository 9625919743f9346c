#pragma once
/// Publishers, as Python holds them.

#include <memory>

#include "handle.hpp"
#include "value_type.hpp"

namespace tow::python {

/// A publisher and its loans.
class PublisherFamily final : public Family {
 public:
  PublisherFamily(tow_publisher* opened, std::shared_ptr<const ValueType> of, bool waits,
                  std::int64_t wait_at_most)
      : Family("publisher"),
        handle(opened),
        type(std::move(of)),
        waits_when_full(waits),
        wait_at_most_ns(wait_at_most) {}

  tow_publisher* const handle;
  const std::shared_ptr<const ValueType> type;
  const bool waits_when_full;
  const std::int64_t wait_at_most_ns;

 private:
  void close_handle() override { tow_publisher_close(handle); }
};

struct Publisher : FamilyHandle<PublisherFamily> {
  using FamilyHandle::FamilyHandle;
};

}  // namespace tow::python
