/* A message to oneself, through what was installed. Exit status 0 when it arrived. */
#include <stdio.h>
#include <string.h>
#include <towpath/towpath.h>

static int give_up(void) {
  fprintf(stderr, "%s\n", tow_error_text());
  return 1;
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  tow_bus* bus = NULL;
  tow_topic* topic = NULL;
  tow_subscriber* subscriber = NULL;
  tow_publisher* publisher = NULL;
  tow_message* message = NULL;
  if (tow_bus_open(arguments[1], NULL, &bus) || tow_topic_open(bus, "greetings", NULL, &topic) ||
      tow_subscriber_open(topic, NULL, &subscriber) ||
      tow_publisher_open(topic, NULL, &publisher) || tow_message_new(&message) ||
      tow_publish(publisher, "hello", 5, NULL) || tow_subscriber_take(subscriber, 0, message)) {
    return give_up();
  }
  const tow_view payload = tow_message_payload(message);
  const int wrong = payload.bytes != 5 || memcmp(payload.data, "hello", 5) != 0;
  tow_message_free(message);
  tow_publisher_close(publisher);
  tow_subscriber_close(subscriber);
  tow_topic_close(topic);
  tow_bus_close(bus);
  return wrong;
}
