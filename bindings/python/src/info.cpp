#include "info.hpp"

#include "convert.hpp"

namespace tow::python {
namespace {

template <class T>
nb::tuple tuple_of(const T* const* items, std::size_t count) {
  nb::list list;
  for (std::size_t i = 0; i < count; ++i) list.append(object_of(*items[i]));
  return nb::tuple(list);
}

nb::object process_of(const tow_process_info* process) {
  return process == nullptr ? nb::none() : object_of(*process);
}

/// Nanoseconds of C's information as seconds.
template <class Number>
double seconds(Number ns) {
  return static_cast<double>(ns) / 1e9;
}

}  // namespace

nb::object object_of(const tow_publisher_info& publisher) {
  return info_class("PublisherInfo")(
      nb::arg("lane") = publisher.lane, nb::arg("process") = process_of(publisher.process),
      nb::arg("published") = publisher.published, nb::arg("adoptions") = publisher.adoptions);
}

nb::object object_of(const tow_subscriber_info& it) {
  return info_class("SubscriberInfo")(
      nb::arg("number") = it.number, nb::arg("process") = process_of(it.process),
      nb::arg("lossy") = it.lossy, nb::arg("evicted") = it.evicted, nb::arg("cursor") = it.cursor,
      nb::arg("lag") = it.lag, nb::arg("max_lag") = it.max_lag, nb::arg("received") = it.received,
      nb::arg("gaps") = it.gaps, nb::arg("lost") = it.lost, nb::arg("held") = it.held,
      nb::arg("latency_samples") = it.latency_samples, nb::arg("p50") = seconds(it.p50_ns),
      nb::arg("p99") = seconds(it.p99_ns), nb::arg("p999") = seconds(it.p999_ns));
}

nb::object object_of(const tow_consumer_info& it) {
  return info_class("ConsumerInfo")(nb::arg("number") = it.number,
                                    nb::arg("process") = process_of(it.process),
                                    nb::arg("leased") = it.leased, nb::arg("started") = it.started,
                                    nb::arg("taken") = it.taken, nb::arg("acked") = it.acked);
}

nb::object object_of(const tow_group_options& it) {
  return info_class("GroupOptions")(
      nb::arg("mode") = kGroupModes[it.mode], nb::arg("max_attempts") = it.max_attempts,
      nb::arg("lease") = seconds(it.lease_ns), nb::arg("backoff") = seconds(it.backoff_ns),
      nb::arg("max_backoff") = seconds(it.max_backoff_ns),
      nb::arg("time_to_live") = seconds(it.time_to_live_ns), nb::arg("max_length") = it.max_length,
      nb::arg("overflow") = kOverflows[it.overflow], nb::arg("by_priority") = it.by_priority,
      nb::arg("key_pattern") = text_of(it.key_pattern), nb::arg("tag") = text_of(it.tag),
      nb::arg("dead_letter") = text_of(it.dead_letter),
      nb::arg("drop_when_dead_letters_full") = it.drop_when_dead_letters_full);
}

nb::object info_class(const char* name) { return nb::module_::import_("towpath.info").attr(name); }

nb::object object_of(const tow_heal_report& report) {
  return info_class("HealReport")(
      nb::arg("participants") = report.participants, nb::arg("lanes") = report.lanes,
      nb::arg("readers") = report.readers, nb::arg("consumers") = report.consumers,
      nb::arg("leftovers") = report.leftovers);
}

nb::object object_of(const tow_process_info& process) {
  return info_class("ProcessInfo")(nb::arg("uid") = process.uid, nb::arg("pid") = process.pid,
                                   nb::arg("alive") = process.alive,
                                   nb::arg("joined") = seconds(process.joined_ns),
                                   nb::arg("command") = text_of(process.command));
}

nb::object object_of(const tow_group_info& it) {
  return info_class("GroupInfo")(
      nb::arg("name") = text_of(it.name), nb::arg("options") = object_of(*it.options),
      nb::arg("paused") = it.paused, nb::arg("low") = it.low, nb::arg("last") = it.last,
      nb::arg("lag") = it.lag, nb::arg("ready") = it.ready, nb::arg("leased") = it.leased,
      nb::arg("started") = it.started, nb::arg("delayed") = it.delayed, nb::arg("dead") = it.dead,
      nb::arg("settling") = it.settling, nb::arg("oldest_age") = seconds(it.oldest_age_ns),
      nb::arg("retried") = it.retried, nb::arg("returned") = it.returned,
      nb::arg("expired") = it.expired, nb::arg("dropped") = it.dropped,
      nb::arg("gave_up") = it.gave_up, nb::arg("lost") = it.lost, nb::arg("filtered") = it.filtered,
      nb::arg("seeks") = it.seeks, nb::arg("left_dead") = text_of(it.left_dead),
      nb::arg("consumers") = tuple_of(it.consumers, it.consumer_count));
}

nb::object object_of(const tow_topic_info& it) {
  return info_class("TopicInfo")(
      nb::arg("name") = text_of(it.name),
      nb::arg("publishers_kind") = kPublishers[it.publishers_kind],
      nb::arg("asked_depth") = it.asked_depth, nb::arg("slot_count") = it.slot_count,
      nb::arg("lane_slot_count") = it.lane_slot_count, nb::arg("slot_bytes") = it.slot_bytes,
      nb::arg("max_message_bytes") = it.max_message_bytes, nb::arg("pool_bytes") = it.pool_bytes,
      nb::arg("max_publishers") = it.max_publishers,
      nb::arg("max_subscribers") = it.max_subscribers, nb::arg("stamps") = kStamps[it.stamps],
      nb::arg("huge_pages") = it.huge_pages, nb::arg("type_name") = text_of(it.type_name),
      nb::arg("type_bytes") = it.type_bytes, nb::arg("removed") = it.removed,
      nb::arg("oldest") = it.oldest, nb::arg("last") = it.last, nb::arg("dropped") = it.dropped,
      nb::arg("file_bytes") = it.file_bytes,
      nb::arg("publishers") = tuple_of(it.publishers, it.publisher_count),
      nb::arg("subscribers") = tuple_of(it.subscribers, it.subscriber_count),
      nb::arg("groups") = tuple_of(it.groups, it.group_count));
}

}  // namespace tow::python
