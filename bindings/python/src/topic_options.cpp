#include <string_view>

#include "bus.hpp"
#include "convert.hpp"
#include "info.hpp"

namespace tow::python {
namespace {

/// Takes an option by name; false when there is none of that name.
bool take(std::string_view name, nb::handle value, tow_topic_options& to) {
  const char* const what = name.data();
  if (name == "publishers") {
    to.publishers = enum_of<tow_publishers>(what, nb::cast<std::string>(value), kPublishers);
  } else if (name == "stamps") {
    to.stamps = enum_of<tow_stamps>(what, nb::cast<std::string>(value), kStamps);
  } else if (name == "depth") {
    to.depth = unsigned_of(value.ptr(), what);
  } else if (name == "slot_bytes") {
    to.slot_bytes = unsigned_32_of(value, what);
  } else if (name == "max_message_bytes") {
    to.max_message_bytes = unsigned_of(value.ptr(), what);
  } else if (name == "pool_bytes") {
    to.pool_bytes = unsigned_of(value.ptr(), what);
  } else if (name == "lane_depth") {
    to.lane_depth = unsigned_of(value.ptr(), what);
  } else if (name == "max_publishers") {
    to.max_publishers = unsigned_32_of(value, what);
  } else if (name == "max_subscribers") {
    to.max_subscribers = unsigned_32_of(value, what);
  } else if (name == "huge_pages") {
    to.huge_pages = truth_of(value);
  } else if (name == "create") {
    to.create = truth_of(value);
  } else {
    return false;
  }
  return true;
}

}  // namespace

TopicOptions topic_options_of(nb::handle dtype, nb::handle named) {
  TopicOptions all{};
  tow_topic_options_init(&all.options);
  std::string type_name;
  bool has_type_name = false;
  for (const nb::handle item : nb::object(named.attr("items")())) {
    const std::string name = nb::cast<std::string>(item[0]);
    const nb::object value = item[1];
    if (name == "type_name") {
      has_type_name = !value.is_none();
      if (has_type_name) type_name = nb::cast<std::string>(value);
    } else if (!take(name, value, all.options)) {
      raise(PyExc_TypeError, "a topic has no option '%s'", name.c_str());
    }
  }
  all.type = ValueType::of(dtype, has_type_name ? type_name.c_str() : nullptr);
  if (all.type != nullptr) all.options.type = all.type->c_type();
  return all;
}

}  // namespace tow::python
