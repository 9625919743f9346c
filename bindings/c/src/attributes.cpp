#include "attributes.hpp"

#include "handles.hpp"
#include "options.hpp"

namespace tow::c {
namespace {

constexpr tow_attributes kDefaults{.struct_bytes = sizeof(tow_attributes),
                                   .key = {},
                                   .tag = {},
                                   .tag_hash = 0,
                                   .time_to_live_ns = 0,
                                   .delay_ns = 0,
                                   .priority = 0,
                                   .correlation_id = {},
                                   .reply_topic = {},
                                   .content_type = {},
                                   .headers = nullptr,
                                   .number = 0};

}  // namespace

tow_code read(const tow_attributes* given, Attributes& attributes) {
  if (given == nullptr) return TOW_OK;
  tow_attributes all = kDefaults;
  if (const tow_code fault = read(given, "tow_attributes", all)) return fault;
  for (const tow_view view :
       {all.key, all.tag, all.correlation_id, all.reply_topic, all.content_type}) {
    if (!is_whole(view)) return null_argument("a text of tow_attributes that is not empty");
  }
  attributes.key = text_of(all.key);
  attributes.tag = text_of(all.tag);
  attributes.tag_hash = all.tag_hash;
  attributes.time_to_live = ns(all.time_to_live_ns);
  attributes.delay = ns(all.delay_ns);
  attributes.priority = all.priority;
  attributes.correlation_id = text_of(all.correlation_id);
  attributes.reply_topic = text_of(all.reply_topic);
  attributes.content_type = text_of(all.content_type);
  if (all.headers != nullptr) attributes.headers = all.headers->headers;
  attributes.number = all.number;
  return TOW_OK;
}

}  // namespace tow::c

void tow_attributes_init_sized(tow_attributes* attributes, size_t struct_bytes) {
  tow::c::initialise(attributes, struct_bytes, tow::c::kDefaults);
}
