#include "topic.hpp"

#include "handles.hpp"
#include "names.hpp"

namespace tow::c {
namespace {

constexpr tow_topic_options kDefaults{.struct_bytes = sizeof(tow_topic_options),
                                      .publishers = TOW_PUBLISHERS_ANY,
                                      .depth = 0,
                                      .slot_bytes = 0,
                                      .max_message_bytes = 0,
                                      .pool_bytes = 0,
                                      .lane_depth = 0,
                                      .max_publishers = 0,
                                      .max_subscribers = 0,
                                      .stamps = TOW_STAMPS_ANY,
                                      .huge_pages = false,
                                      .create = true,
                                      .type = kBytesType};

}  // namespace

tow_code read(const tow_topic_options* given, TopicAsked& asked) noexcept {
  tow_topic_options all = kDefaults;
  if (const tow_code fault = read(given, "tow_topic_options", all)) return fault;
  asked.options = {.depth = all.depth,
                   .slot_bytes = all.slot_bytes,
                   .max_message_bytes = all.max_message_bytes,
                   .pool_bytes = all.pool_bytes,
                   .lane_depth = all.lane_depth,
                   .max_publishers = all.max_publishers,
                   .max_subscribers = all.max_subscribers,
                   .huge_pages = all.huge_pages,
                   .create = all.create};
  if (!convert(all.publishers, TOW_PUBLISHERS_MANY, asked.options.publishers)) {
    return bad_member("tow_topic_options.publishers");
  }
  if (!convert(all.stamps, TOW_STAMPS_NONE, asked.options.stamps)) {
    return bad_member("tow_topic_options.stamps");
  }
  asked.type = type_of(all.type);
  return TOW_OK;
}

}  // namespace tow::c

using namespace tow::c;

void tow_topic_options_init_sized(tow_topic_options* options, size_t struct_bytes) {
  initialise(options, struct_bytes, kDefaults);
}

tow_code tow_topic_open(const tow_bus* bus, const char* name, const tow_topic_options* options,
                        tow_topic** topic) {
  if (const tow_code fault = need(
          {{bus, "the bus"}, {name, "the topic's name"}, {topic, "the pointer to the topic"}})) {
    return fault;
  }
  TopicAsked asked;
  if (const tow_code fault = read(options, asked)) return fault;
  return guarded([&] {
    auto opened = bus->bus.topic(name, asked.options, asked.type);
    if (opened) *topic = new tow_topic{std::move(*opened)};
    return code_of(opened);
  });
}

tow_code tow_topic_open_as_bytes(const tow_bus* bus, const char* name, tow_topic** topic) {
  if (const tow_code fault = need(
          {{bus, "the bus"}, {name, "the topic's name"}, {topic, "the pointer to the topic"}})) {
    return fault;
  }
  return guarded([&] {
    auto opened = bus->bus.topic_as_bytes(name);
    if (opened) *topic = new tow_topic{std::move(*opened)};
    return code_of(opened);
  });
}

void tow_topic_close(tow_topic* topic) { delete topic; }

const char* tow_topic_name(const tow_topic* topic) {
  return ask(topic, "the topic", "", [](const tow_topic& it) { return it.topic.name().c_str(); });
}

uint64_t tow_topic_last_sequence(const tow_topic* topic) {
  return ask(topic, "the topic", uint64_t{0},
             [](const tow_topic& it) { return it.topic.last_sequence(); });
}

tow_code tow_topic_wait_for_subscribers(const tow_topic* topic, uint32_t count,
                                        int64_t timeout_ns) {
  if (topic == nullptr) return null_argument("the topic");
  return guarded([&] { return code_of(topic->topic.wait_for_subscribers(count, ns(timeout_ns))); });
}

tow_code tow_topic_groups(const tow_topic* topic, const tow_names** names) {
  if (const tow_code fault = need({{topic, "the topic"}, {names, "the pointer to the names"}})) {
    return fault;
  }
  return guarded([&] { return *names = make_names(topic->topic.groups()), TOW_OK; });
}

tow_code tow_topic_remove_group(const tow_topic* topic, const char* name) {
  if (const tow_code fault = need({{topic, "the topic"}, {name, "the group's name"}})) return fault;
  return guarded([&] { return code_of(topic->topic.remove_group(name)); });
}
