/* Queues, settlements and exchanges of the walk. */
#include <string.h>

#include "tests/c/walk.h"

static void settle_all_ways(tow_consumer* consumer, tow_delivery** deliveries) {
  size_t count = 0;
  OK(tow_consumer_take_batch(consumer, WATCHDOG, deliveries, 2, &count));
  REQUIRE(count == 2 && tow_consumer_outstanding(consumer) >= 2);
  OK(tow_delivery_ack(deliveries[0]));
  REQUIRE(tow_delivery_settled(deliveries[0]));
  REQUIRE(tow_delivery_attempts(deliveries[1]) == 0 && !tow_delivery_redelivered(deliveries[1]));
  OK(tow_delivery_renew(deliveries[1]));
  OK(tow_delivery_release(deliveries[1]));
  OK(tow_consumer_take(consumer, WATCHDOG, deliveries[0]));
  OK(tow_delivery_retry(deliveries[0], 0));
  OK(tow_consumer_take(consumer, WATCHDOG, deliveries[0]));
  REQUIRE(tow_message_payload(tow_delivery_message(deliveries[0])).bytes == 3);
  OK(tow_delivery_reject(deliveries[0], "no use"));
  OK(tow_consumer_take(consumer, WATCHDOG, deliveries[0]));
  OK(tow_delivery_ack_all(deliveries, 1, &count));
  REQUIRE(count == 1);
}

static void settle_with_results(tow_consumer* consumer, tow_delivery** deliveries,
                                tow_publisher* results) {
  for (int i = 0; i < 2; ++i) OK(tow_consumer_take(consumer, WATCHDOG, deliveries[i]));
  tow_settlement* settlement = NULL;
  OK(tow_settlement_new(consumer, deliveries[0], &settlement));
  OK(tow_settlement_add(settlement, deliveries[1]));
  OK(tow_settlement_publish(settlement, results, "done", 4, NULL));
  OK(tow_settlement_commit(settlement, WATCHDOG));
  tow_settlement_free(settlement);
}

static void steer(const tow_group* group) {
  REQUIRE(strcmp(tow_group_name(group), TOW_QUEUE_GROUP) == 0);
  OK(tow_group_pause(group));
  OK(tow_group_resume(group));
  uint64_t sequence = 0;
  OK(tow_group_seek(group, TOW_SEEK_NEWEST, 0, &sequence));
  REQUIRE(tow_group_seek_target(group, TOW_SEEK_NEWEST, 0) == sequence);
  const tow_group_info* info = NULL;
  OK(tow_group_info_get(group, &info));
  REQUIRE(info->lag == 0);
  tow_group_info_free(info);
}

void walk_queue(tow_bus* bus) {
  tow_group_options options;
  tow_group_options_init(&options);
  options.dead_letter = "dead";
  tow_topic* topic = NULL;
  tow_group* group = NULL;
  OK(tow_queue_open(bus, "jobs", &options, NULL, &topic, &group));
  tow_consumer_options consuming;
  tow_consumer_options_init(&consuming);
  tow_consumer* consumer = NULL;
  OK(tow_consumer_open(group, &consuming, &consumer));
  REQUIRE(!tow_waitable_ready(tow_consumer_waitable(consumer)));
  tow_publisher* publisher = NULL;
  OK(tow_publisher_open(topic, NULL, &publisher));
  for (int i = 0; i < 5; ++i) OK(tow_publish(publisher, "job", 3, NULL));
  tow_topic* topic_of_results = NULL;
  OK(tow_topic_open(bus, "results", NULL, &topic_of_results));
  tow_publisher* results = NULL;
  OK(tow_publisher_open(topic_of_results, NULL, &results));
  tow_delivery* deliveries[2] = {NULL, NULL};
  for (int i = 0; i < 2; ++i) OK(tow_delivery_new(&deliveries[i]));
  settle_all_ways(consumer, deliveries);
  settle_with_results(consumer, deliveries, results);
  steer(group);
  tow_group* again = NULL;
  OK(tow_group_open(topic, TOW_QUEUE_GROUP, NULL, &again));
  tow_group_close(again);
  const tow_names* names = NULL;
  OK(tow_topic_groups(topic, &names));
  REQUIRE(names->count == 1);
  tow_names_free(names);
  tow_group_close(group);
  tow_consumer_close(consumer);
  for (int i = 0; i < 2; ++i) tow_delivery_free(deliveries[i]);
  OK(tow_topic_remove_group(topic, TOW_QUEUE_GROUP));
  tow_topic_close(topic);
  tow_topic_close(topic_of_results);
  tow_publisher_close(publisher);
  tow_publisher_close(results);
}

void walk_exchange(tow_bus* bus) {
  tow_exchange_options options;
  tow_exchange_options_init(&options);
  tow_exchange* exchange = NULL;
  OK(tow_exchange_open(bus, "ex", &options, &exchange));
  REQUIRE(strcmp(tow_exchange_name(exchange), "ex") == 0);
  REQUIRE(tow_exchange_kind_of(exchange) == TOW_EXCHANGE_DIRECT);
  REQUIRE(strcmp(tow_exchange_alternate(exchange), "") == 0);
  OK(tow_exchange_bind(exchange, TOW_BINDING_TO_QUEUE, "results", "k", NULL, NULL));
  const tow_bindings* bindings = NULL;
  OK(tow_exchange_bindings(exchange, &bindings));
  REQUIRE(bindings->count == 1 && strcmp(bindings->bindings[0]->key, "k") == 0);
  tow_bindings_free(bindings);
  tow_exchange_publisher_options publishing;
  tow_exchange_publisher_options_init(&publishing);
  tow_exchange_publisher* publisher = NULL;
  OK(tow_exchange_publisher_open(exchange, &publishing, &publisher));
  size_t reached = 0;
  OK(tow_exchange_publish(publisher, "k", "hi", 2, NULL, &reached));
  REQUIRE(reached == 1 && tow_exchange_publisher_dropped(publisher) == 0);
  reached = 0;
  OK(tow_exchange_publish_rest(publisher, "hi", 2, 0, &reached)); /* nothing is left */
  REQUIRE(reached == 1);
  tow_exchange_publisher_close(publisher);
  bool changed = false;
  OK(tow_exchange_unbind(exchange, TOW_BINDING_TO_QUEUE, "results", "k", NULL, &changed));
  REQUIRE(changed);
  tow_exchange_close(exchange);
  OK(tow_bus_remove_exchange(bus, "ex"));
}
