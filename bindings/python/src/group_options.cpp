#include "convert.hpp"
#include "group.hpp"
#include "info.hpp"

namespace tow::python {

GroupOptions::GroupOptions(nb::handle named) {
  tow_group_options_init(&options_);
  for (const nb::handle item : nb::object(named.attr("items")())) {
    const auto name = nb::cast<std::string>(item[0]);
    if (!take(name, item[1])) raise(PyExc_TypeError, "a group has no option '%s'", name.c_str());
    given_ = given_ || name != "create";
  }
}

void GroupOptions::take_text(nb::handle value, std::string& text, const char*& to) {
  if (value.is_none()) return;
  text = nb::cast<std::string>(value);
  to = c_text(text);
}

bool GroupOptions::take(const std::string& name, nb::handle value) {
  const char* const what = name.c_str();
  tow_group_options& to = options_;
  if (name == "mode") {
    to.mode = enum_of<tow_group_mode>(what, nb::cast<std::string>(value), kGroupModes);
  } else if (name == "start") {
    to.start = start_of(value);
  } else if (name == "max_attempts") {
    to.max_attempts = unsigned_32_of(value, what);
  } else if (name == "lease") {
    to.lease_ns = value.is_none() ? 0 : ns_of(value);
  } else if (name == "backoff") {
    to.backoff_ns = ns_of(value);
  } else if (name == "max_backoff") {
    to.max_backoff_ns = ns_of(value);
  } else if (name == "time_to_live") {
    to.time_to_live_ns = value.is_none() ? 0 : ns_of(value);
  } else if (name == "max_length") {
    to.max_length = unsigned_of(value.ptr(), what);
  } else if (name == "overflow") {
    to.overflow = enum_of<tow_overflow>(what, nb::cast<std::string>(value), kOverflows);
  } else if (name == "by_priority") {
    to.by_priority = truth_of(value);
  } else if (name == "key_pattern") {
    take_text(value, key_pattern_, to.key_pattern);
  } else if (name == "tag") {
    take_text(value, tag_, to.tag);
  } else if (name == "dead_letter") {
    take_text(value, dead_letter_, to.dead_letter);
  } else if (name == "drop_when_dead_letters_full") {
    to.drop_when_dead_letters_full = truth_of(value);
  } else if (name == "create") {
    to.create = truth_of(value);
  } else {
    return false;
  }
  return true;
}

}  // namespace tow::python
