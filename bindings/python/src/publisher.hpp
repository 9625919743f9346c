#pragma once
/// Publishers, as Python holds them.

#include <memory>

#include "handle.hpp"
#include "value_type.hpp"

namespace tow::python {

/// A publisher and its loans. The handle of C never waits by itself: it is told to for one slice.
class PublisherFamily final : public Family {
 public:
  /// `waits`: for `wait_at_most_ns` when the topic is full.
  PublisherFamily(tow_publisher* opened, std::shared_ptr<const ValueType> of, bool waits,
                  std::int64_t wait_at_most_ns)
      : Family("publisher"),
        handle(opened),
        type(std::move(of)),
        longest_wait_ns_(waits ? wait_at_most_ns : 0) {
    tow_publisher_wait_at_most(handle, 0);
  }

  /// Calls `publish()`, which calls C, again until there is room or the options' time is over.
  /// Raises for any other code than TOW_OK.
  template <class Publish>
  void publish(const Publish& publish) {
    const tow_code code = wait(longest_wait_ns_, [&](std::int64_t slice_ns) {
      if (slice_ns == 0) return publish();
      tow_publisher_wait_at_most(handle, slice_ns);
      const tow_code done = publish();
      tow_publisher_wait_at_most(handle, 0);
      return done;
    });
    if (code != TOW_OK) [[unlikely]]
      refuse(code);
  }

  /// Keeps its memory mapped, also when it is closed, until unpin().
  void pin() { ++pins_; }
  void unpin();

  tow_publisher* const handle;
  const std::shared_ptr<const ValueType> type;

 private:
  void close_handle() override {
    if (pins_ == 0) tow_publisher_close(handle);
  }
  [[noreturn]] static void refuse(tow_code code);

  const std::int64_t longest_wait_ns_;
  std::size_t pins_ = 0;
};

struct Publisher : FamilyHandle<PublisherFamily> {
  using FamilyHandle::FamilyHandle;
};

/// Publisher.loan().
nb::object lend(Publisher& self, nb::handle bytes, nb::handle dtype, nb::handle shape);

}  // namespace tow::python
