#include "group.hpp"

#include "handles.hpp"
#include "topic.hpp"

using namespace tow::c;

namespace {

using Kind = tow::SeekTo::Kind;
static_assert(static_cast<int>(Kind::oldest) == TOW_SEEK_OLDEST);
static_assert(static_cast<int>(Kind::newest) == TOW_SEEK_NEWEST);
static_assert(static_cast<int>(Kind::sequence) == TOW_SEEK_SEQUENCE);
static_assert(static_cast<int>(Kind::time) == TOW_SEEK_TIME);
static_assert(static_cast<int>(Kind::offset) == TOW_SEEK_OFFSET);

/// As it is with null options, else with these.
tow::Result<tow::Group<>> open_group(const tow::Topic<>& topic, const char* name,
                                     const tow::GroupOptions* options) {
  return options == nullptr ? topic.group(name) : topic.group(name, *options);
}

tow_group* new_group(tow::Group<>&& opened) {
  std::string name = opened.name();
  return new tow_group{std::move(opened), std::move(name)};
}

}  // namespace

tow_code tow_group_open(const tow_topic* topic, const char* name, const tow_group_options* options,
                        tow_group** group) {
  if (const tow_code fault = need({{topic, "the topic"},
                                   {name, "the group's name"},
                                   {group, "the pointer to the group"}})) {
    return fault;
  }
  return guarded([&] {
    tow::GroupOptions asked;
    if (const tow_code fault = read(options, asked)) return fault;
    auto opened = open_group(topic->topic, name, options == nullptr ? nullptr : &asked);
    if (opened) *group = new_group(std::move(*opened));
    return code_of(opened);
  });
}

void tow_group_close(tow_group* group) { delete group; }

const char* tow_group_name(const tow_group* group) {
  return ask(group, "the group", "", [](const tow_group& it) { return it.name.c_str(); });
}

tow_code tow_group_pause(const tow_group* group) {
  if (group == nullptr) return null_argument("the group");
  return guarded([&] { return code_of(group->group.pause()); });
}

tow_code tow_group_resume(const tow_group* group) {
  if (group == nullptr) return null_argument("the group");
  return guarded([&] { return code_of(group->group.resume()); });
}

tow_code tow_group_seek(const tow_group* group, tow_seek_kind kind, int64_t value,
                        uint64_t* sequence) {
  if (group == nullptr) return null_argument("the group");
  return guarded([&] {
    tow::SeekTo to{.value = value};
    if (!convert(kind, TOW_SEEK_OFFSET, to.kind)) return bad_member("the tow_seek_kind");
    const auto sought = group->group.seek(to);
    if (sought && sequence != nullptr) *sequence = *sought;
    return code_of(sought);
  });
}

uint64_t tow_group_seek_target(const tow_group* group, tow_seek_kind kind, int64_t value) {
  return ask(group, "the group", uint64_t{0}, [&](const tow_group& it) -> uint64_t {
    tow::SeekTo to{.value = value};
    if (!convert(kind, TOW_SEEK_OFFSET, to.kind)) return (void)bad_member("the tow_seek_kind"), 0;
    return it.group.seek_target(to);
  });
}

tow_code tow_queue_open(const tow_bus* bus, const char* name,
                        const tow_group_options* group_options,
                        const tow_topic_options* topic_options, tow_topic** topic,
                        tow_group** group) {
  if (const tow_code fault = need({{bus, "the bus"},
                                   {name, "the queue's name"},
                                   {topic, "the pointer to the topic"},
                                   {group, "the pointer to the group"}})) {
    return fault;
  }
  TopicAsked asked;
  if (const tow_code fault = read(topic_options, asked)) return fault;
  return guarded([&] {
    tow::GroupOptions group_asked;
    if (const tow_code fault = read(group_options, group_asked)) return fault;
    asked.options.create = asked.options.create && group_asked.create;
    auto opened = bus->bus.topic(name, asked.options, asked.type);
    if (!opened) return fail(opened.error());
    auto shared =
        open_group(*opened, tow::kQueueGroup, group_options == nullptr ? nullptr : &group_asked);
    if (!shared) return fail(shared.error());
    auto kept = std::make_unique<tow_topic>(tow_topic{std::move(*opened)});
    *group = new_group(std::move(*shared));
    *topic = kept.release();
    return TOW_OK;
  });
}
