/* Goes through the C interface in C11, each function once at least. A checker of memory watches it
 * (the test c.valgrind), so it frees all that it makes. Exit status 1 and a line at the first
 * fault.
 */
#include "tests/c/walk.h"

#include <stdlib.h>
#include <string.h>

void require(bool holds, const char* what, int line) {
  if (holds) return;
  fprintf(stderr, "line %d: %s; the last error is: %s\n", line, what, tow_error_text());
  exit(1);
}

static void walk_errors(void) {
  REQUIRE(tow_text(NULL).bytes == 0);
  REQUIRE(strcmp(tow_code_name(TOW_NOT_FOUND), "not_found") == 0);
  REQUIRE(strlen(tow_version()) >= 5);
  REQUIRE(tow_bus_open(NULL, NULL, NULL) == TOW_INVALID_ARGUMENT);
  REQUIRE(strlen(tow_error_text()) > 0 && tow_error_errno() == 0);
}

static void walk_headers(tow_headers* headers) {
  tow_value value = {.kind = TOW_VALUE_INTEGER, .integer = 7};
  OK(tow_headers_add(headers, tow_text("n"), value));
  value = (tow_value){.kind = TOW_VALUE_TEXT, .view = tow_text("t")};
  OK(tow_headers_set(headers, tow_text("t"), value));
  value = (tow_value){.kind = TOW_VALUE_NULL};
  OK(tow_headers_add(headers, tow_text("x"), value));
  REQUIRE(tow_headers_remove(headers, tow_text("x")) == 1);
  REQUIRE(tow_headers_size(headers) == 2);
  tow_view name;
  OK(tow_headers_at(headers, 0, &name, &value));
  REQUIRE(name.bytes == 1 && value.kind == TOW_VALUE_INTEGER && value.integer == 7);
  REQUIRE(tow_headers_at(headers, 2, &name, &value) == TOW_NOTHING);
  OK(tow_headers_find(headers, tow_text("t"), &value));
  REQUIRE(tow_headers_find(headers, tow_text("u"), &value) == TOW_NOTHING);
  tow_headers* other = NULL;
  OK(tow_headers_new(&other));
  tow_headers_clear(other);
  tow_headers_free(other);
}

static void walk_message(const tow_message* message) {
  REQUIRE(tow_message_payload(message).bytes == 5);
  REQUIRE(tow_message_sequence(message) == 1 && tow_message_missed(message) == 0);
  REQUIRE(tow_message_key(message).bytes == 1);
  REQUIRE(tow_message_tag_hash(message) != 0 && tow_message_has_tag(message, tow_text("tag")));
  REQUIRE(tow_message_expires_at_ns(message) != 0 && !tow_message_expired(message));
  REQUIRE(tow_message_due_at_ns(message) != 0 && tow_message_priority(message) == 3);
  REQUIRE(tow_message_correlation_id(message).bytes == 1);
  REQUIRE(tow_message_reply_topic(message).bytes == 1);
  REQUIRE(tow_message_content_type(message).bytes == 1);
  tow_headers* headers = NULL;
  OK(tow_message_headers(message, &headers));
  REQUIRE(tow_headers_size(headers) == 2);
  tow_headers_free(headers);
}

static void publish_all_ways(tow_publisher* publisher, tow_attributes* attributes) {
  tow_publisher_wait_at_most(publisher, WATCHDOG);
  OK(tow_publish(publisher, "hello", 5, attributes));
  size_t published = 0;
  OK(tow_publish_batch(publisher, "abcd", 2, 2, NULL, &published));
  REQUIRE(published == 2);
  tow_loan* loan = NULL;
  OK(tow_loan_take(publisher, 1000, &loan));
  REQUIRE(tow_loan_bytes(loan) == 1000);
  memset(tow_loan_data(loan), 'x', 1000);
  OK(tow_loan_publish(loan, 1000, NULL));
  OK(tow_loan_take(publisher, 8, &loan));
  tow_loan_return(loan);
  REQUIRE(tow_publisher_last_sequence(publisher) == 4);
  REQUIRE(tow_publisher_dropped(publisher) == 0 && tow_publisher_last_number(publisher) == 0);
  REQUIRE(tow_publisher_duplicates(publisher) == 0);
}

static void read_all_ways(tow_topic* topic, tow_subscriber* subscriber) {
  tow_message* messages[2] = {NULL, NULL};
  for (int i = 0; i < 2; ++i) OK(tow_message_new(&messages[i]));
  int fd = -1;
  OK(tow_waitable_fd(tow_subscriber_waitable(subscriber), &fd));
  tow_waitable* one = tow_subscriber_waitable(subscriber);
  size_t index = 0;
  OK(tow_wait_any(&one, 1, WATCHDOG, &index));
  REQUIRE(tow_waitable_ready(one));
  OK(tow_subscriber_take(subscriber, WATCHDOG, messages[0]));
  walk_message(messages[0]);
  size_t count = 0;
  char values[4];
  OK(tow_subscriber_take_values(subscriber, WATCHDOG, values, 2, 2, &count));
  REQUIRE(count == 2 && memcmp(values, "abcd", 4) == 0);
  OK(tow_subscriber_take_batch(subscriber, WATCHDOG, messages, 2, &count));
  REQUIRE(count == 1 && tow_message_payload(messages[0]).bytes == 1000);
  tow_message_release(messages[0]);
  REQUIRE(tow_subscriber_latest(subscriber, messages[0]) == TOW_NOTHING);
  REQUIRE(tow_subscriber_next_sequence(subscriber) == 5);
  REQUIRE(tow_subscriber_start_sequence(subscriber) == 1);
  REQUIRE(tow_subscriber_lag(subscriber) == 0 && tow_subscriber_received(subscriber) == 4);
  REQUIRE(tow_subscriber_lost(subscriber) == 0 && tow_subscriber_gaps(subscriber) == 0);
  tow_subscriber* observer = NULL;
  OK(tow_subscriber_observe(topic, (tow_start){TOW_START_LAST, 1}, &observer));
  OK(tow_subscriber_take(observer, WATCHDOG, messages[0]));
  tow_subscriber_close(observer);
  for (int i = 0; i < 2; ++i) tow_message_free(messages[i]);
}

static void walk_topic(tow_bus* bus) {
  tow_topic_options options;
  tow_topic_options_init(&options);
  tow_topic* topic = NULL;
  OK(tow_topic_open(bus, "topic", &options, &topic));
  REQUIRE(strcmp(tow_topic_name(topic), "topic") == 0);
  tow_subscriber_options reading;
  tow_subscriber_options_init(&reading);
  tow_subscriber* subscriber = NULL;
  OK(tow_subscriber_open(topic, &reading, &subscriber));
  OK(tow_topic_wait_for_subscribers(topic, 1, WATCHDOG));
  tow_publisher_options writing;
  tow_publisher_options_init(&writing);
  tow_publisher* publisher = NULL;
  OK(tow_publisher_open(topic, &writing, &publisher));
  tow_attributes attributes;
  tow_attributes_init(&attributes);
  tow_headers* headers = NULL;
  OK(tow_headers_new(&headers));
  walk_headers(headers);
  attributes.headers = headers;
  attributes.key = attributes.correlation_id = tow_text("k");
  attributes.reply_topic = attributes.content_type = tow_text("r");
  attributes.tag = tow_text("tag");
  attributes.time_to_live_ns = WATCHDOG;
  attributes.delay_ns = 1;
  attributes.priority = 3;
  publish_all_ways(publisher, &attributes);
  tow_headers_free(headers);
  REQUIRE(tow_topic_last_sequence(topic) == 4);
  read_all_ways(topic, subscriber);
  const tow_topic_info* info = NULL;
  OK(tow_topic_info_get(topic, &info));
  tow_topic_info_free(info);
  tow_topic* bytes = NULL;
  OK(tow_topic_open_as_bytes(bus, "topic", &bytes));
  tow_topic_close(bytes);
  tow_topic_close(topic);
  tow_publisher_close(publisher);
  tow_subscriber_close(subscriber);
  OK(tow_bus_remove_topic(bus, "topic"));
}

static void walk_bus(tow_bus* bus, const char* name) {
  char* path = NULL;
  OK(tow_bus_path_of(name, &path));
  REQUIRE(strcmp(path, tow_bus_path(bus)) == 0);
  free(path);
  const tow_names* names = NULL;
  OK(tow_bus_topics(bus, &names));
  tow_names_free(names);
  OK(tow_bus_exchanges(bus, &names));
  tow_names_free(names);
  tow_heal_report report;
  OK(tow_bus_heal(bus, &report));
  bool supervises = false;
  OK(tow_bus_supervise(bus, &supervises));
  REQUIRE(supervises);
  tow_bus_stop_supervising(bus);
  const tow_processes* processes = NULL;
  OK(tow_bus_processes(bus, &processes));
  REQUIRE(processes->count == 1);
  tow_processes_free(processes);
}

int main(int count, char** arguments) {
  REQUIRE(count == 2); /* the bus's name, of none that there is */
  tow_bus_options options;
  tow_bus_options_init(&options);
  tow_bus* bus = NULL;
  walk_errors();
  OK(tow_bus_open(arguments[1], &options, &bus));
  walk_bus(bus, arguments[1]);
  walk_topic(bus);
  walk_queue(bus);
  walk_exchange(bus);
  walk_service(bus);
  tow_bus_close(bus);
  OK(tow_bus_remove(arguments[1]));
  puts("walked");
  return 0;
}
