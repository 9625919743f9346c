#pragma once
/// Information of C as the dataclasses of towpath.info.

#include <nanobind/nanobind.h>

#include "towpath/towpath.h"

namespace tow::python {

namespace nb = nanobind;

/// A dataclass of towpath.info.
nb::object info_class(const char* name);

nb::object object_of(const tow_heal_report& report);
nb::object object_of(const tow_process_info& process);
nb::object object_of(const tow_publisher_info& publisher);
nb::object object_of(const tow_subscriber_info& subscriber);
nb::object object_of(const tow_consumer_info& consumer);
nb::object object_of(const tow_group_options& options);
nb::object object_of(const tow_group_info& group);
nb::object object_of(const tow_topic_info& topic);

/// The texts that stand for enumerators, in their order.
constexpr const char* kPublishers[] = {"any", "one", "many"};
constexpr const char* kStamps[] = {"any", "sampled", "all", "none"};
constexpr const char* kWhenFull[] = {"wait", "fail", "drop"};
constexpr const char* kGroupModes[] = {"shared", "ordered", "single_active"};
constexpr const char* kOverflows[] = {"block", "reject", "drop_oldest"};

}  // namespace tow::python
