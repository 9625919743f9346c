#include "towpath/info.hpp"

#include "group.hpp"
#include "handles.hpp"

namespace tow::c {
namespace {

/// Structs for C, and the pointers by which C reaches them, which may know fewer members.
template <class T>
class List {
 public:
  void reserve(std::size_t count) {
    values_.reserve(count);
    pointers_.reserve(count);
  }
  /// Not more than were reserved.
  const T* add(const T& value) {
    values_.push_back(value);
    pointers_.push_back(&values_.back());
    return pointers_.back();
  }
  const T* const* pointers() const { return pointers_.data(); }
  std::size_t count() const { return pointers_.size(); }

 private:
  std::vector<T> values_;
  std::vector<const T*> pointers_;
};

/// Texts are those of `of`, and stay as long; here and below.
tow_process_info for_c(const ProcessInfo& of) {
  return {.uid = of.uid,
          .pid = of.pid,
          .alive = of.alive,
          .joined_ns = of.joined_ns,
          .command = of.command.c_str()};
}

struct OwnProcesses : tow_processes {
  explicit OwnProcesses(std::vector<ProcessInfo> all) : texts(std::move(all)) {
    list.reserve(texts.size());
    for (const ProcessInfo& one : texts) list.add(for_c(one));
    count = list.count();
    processes = list.pointers();
  }
  std::vector<ProcessInfo> texts;
  List<tow_process_info> list;
};

tow_consumer_info for_c(const ConsumerInfo& of, const tow_process_info* process) {
  return {.number = of.number,
          .process = process,
          .leased = of.leased,
          .started = of.started,
          .taken = of.taken,
          .acked = of.acked};
}

tow_publisher_info for_c(const PublisherInfo& of, const tow_process_info* process) {
  return {
      .lane = of.lane, .process = process, .published = of.published, .adoptions = of.adoptions};
}

tow_subscriber_info for_c(const SubscriberInfo& of, const tow_process_info* process) {
  return {.number = of.number,
          .process = process,
          .lossy = of.kind == SubscriberKind::lossy,
          .evicted = of.evicted,
          .cursor = of.cursor,
          .lag = of.lag,
          .max_lag = of.max_lag,
          .received = of.received,
          .gaps = of.gaps,
          .lost = of.lost,
          .held = of.held,
          .latency_samples = of.latency_samples,
          .p50_ns = of.p50_ns,
          .p99_ns = of.p99_ns,
          .p999_ns = of.p999_ns};
}

/// Those of `all`, whose processes go to another list.
template <class Info, class ForC>
void fill(const std::vector<Info>& all, List<tow_process_info>& processes, List<ForC>& list) {
  list.reserve(all.size());
  for (const Info& one : all) list.add(for_c(one, processes.add(for_c(one.process))));
}

struct OwnGroupInfo : tow_group_info {
  explicit OwnGroupInfo(GroupInfo of) : texts(std::move(of)), own_options(c::for_c(texts.options)) {
    processes.reserve(texts.consumers.size());
    fill(texts.consumers, processes, own_consumers);
    static_cast<tow_group_info&>(*this) = {.name = texts.name.c_str(),
                                           .options = &own_options,
                                           .paused = texts.paused,
                                           .low = texts.low,
                                           .last = texts.last,
                                           .lag = texts.lag,
                                           .ready = texts.ready,
                                           .leased = texts.leased,
                                           .started = texts.started,
                                           .delayed = texts.delayed,
                                           .dead = texts.dead,
                                           .settling = texts.settling,
                                           .oldest_age_ns = texts.oldest_age.count(),
                                           .retried = texts.retried,
                                           .returned = texts.returned,
                                           .expired = texts.expired,
                                           .dropped = texts.dropped,
                                           .gave_up = texts.gave_up,
                                           .lost = texts.lost,
                                           .filtered = texts.filtered,
                                           .seeks = texts.seeks,
                                           .left_dead = texts.left_dead.c_str(),
                                           .consumer_count = own_consumers.count(),
                                           .consumers = own_consumers.pointers()};
  }
  OwnGroupInfo(const OwnGroupInfo&) = delete;

  GroupInfo texts;
  tow_group_options own_options;
  List<tow_process_info> processes;
  List<tow_consumer_info> own_consumers;
};

struct OwnTopicInfo : tow_topic_info {
  explicit OwnTopicInfo(TopicInfo of) : texts(std::move(of)) {
    processes.reserve(texts.publishers.size() + texts.subscribers.size());
    fill(texts.publishers, processes, own_publishers);
    fill(texts.subscribers, processes, own_subscribers);
    for (GroupInfo& group : texts.groups) {
      own_groups.push_back(std::make_unique<OwnGroupInfo>(std::move(group)));
      group_pointers.push_back(own_groups.back().get());
    }
    say();
  }
  OwnTopicInfo(const OwnTopicInfo&) = delete;

  void say() {
    static_cast<tow_topic_info&>(*this) = {
        .name = texts.name.c_str(),
        .publishers_kind = static_cast<tow_publishers>(texts.publishers_kind),
        .asked_depth = texts.asked_depth,
        .slot_count = texts.slot_count,
        .lane_slot_count = texts.lane_slot_count,
        .slot_bytes = texts.slot_bytes,
        .max_message_bytes = texts.max_message_bytes,
        .pool_bytes = texts.pool_bytes,
        .max_publishers = texts.max_publishers,
        .max_subscribers = texts.max_subscribers,
        .stamps = static_cast<tow_stamps>(texts.stamps),
        .huge_pages = texts.huge_pages,
        .type_name = texts.type_name.c_str(),
        .type_bytes = texts.type_bytes,
        .removed = texts.removed,
        .oldest = texts.oldest,
        .last = texts.last,
        .dropped = texts.dropped,
        .file_bytes = texts.file_bytes,
        .publisher_count = own_publishers.count(),
        .publishers = own_publishers.pointers(),
        .subscriber_count = own_subscribers.count(),
        .subscribers = own_subscribers.pointers(),
        .group_count = group_pointers.size(),
        .groups = group_pointers.data()};
  }

  TopicInfo texts;
  List<tow_process_info> processes;
  List<tow_publisher_info> own_publishers;
  List<tow_subscriber_info> own_subscribers;
  std::vector<std::unique_ptr<OwnGroupInfo>> own_groups;
  std::vector<const tow_group_info*> group_pointers;
};

}  // namespace
}  // namespace tow::c

using namespace tow::c;

tow_code tow_bus_processes(const tow_bus* bus, const tow_processes** processes) {
  if (const tow_code fault = need({{bus, "the bus"}, {processes, "the pointer to the list"}})) {
    return fault;
  }
  return guarded([&] { return *processes = new OwnProcesses(bus->bus.processes()), TOW_OK; });
}

void tow_processes_free(const tow_processes* processes) {
  delete static_cast<const OwnProcesses*>(processes);
}

tow_code tow_group_info_get(const tow_group* group, const tow_group_info** info) {
  if (const tow_code fault =
          need({{group, "the group"}, {info, "the pointer to the information"}})) {
    return fault;
  }
  return guarded([&] { return *info = new OwnGroupInfo(group->group.info()), TOW_OK; });
}

void tow_group_info_free(const tow_group_info* info) {
  delete static_cast<const OwnGroupInfo*>(info);
}

tow_code tow_topic_info_get(const tow_topic* topic, const tow_topic_info** info) {
  if (const tow_code fault =
          need({{topic, "the topic"}, {info, "the pointer to the information"}})) {
    return fault;
  }
  return guarded([&] { return *info = new OwnTopicInfo(topic->topic.info()), TOW_OK; });
}

void tow_topic_info_free(const tow_topic_info* info) {
  delete static_cast<const OwnTopicInfo*>(info);
}
