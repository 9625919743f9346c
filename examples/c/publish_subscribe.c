/* Two processes and a topic of samples: one publishes, the other copies them into an array.
 *
 *   publish_subscribe [BUS]     without one, a temporary bus, removed at the end */

#include <sys/wait.h>
#include <unistd.h>

#include "example.h"

typedef struct sample {
  double seconds, volts;
} sample;

enum { SAMPLES = 1000 };

static tow_topic* open_topic(const char* name, tow_bus** bus) {
  check(tow_bus_open(name, NULL, bus));
  tow_topic_options options;
  tow_topic_options_init(&options);
  options.type = (tow_type){"sample", sizeof(sample), _Alignof(sample)};
  tow_topic* topic = NULL;
  check(tow_topic_open(*bus, "samples", &options, &topic));
  return topic;
}

static void publish(const char* name) {
  tow_bus* bus = NULL;
  tow_topic* topic = open_topic(name, &bus);
  check(tow_topic_wait_for_subscribers(topic, 1, 30 * SECONDS));
  tow_publisher* publisher = NULL;
  check(tow_publisher_open(topic, NULL, &publisher));
  for (int i = 0; i < SAMPLES; ++i) {
    const sample one = {i * 0.001, 1.5};
    check(tow_publish(publisher, &one, sizeof one, NULL));
  }
  tow_publisher_close(publisher);
  tow_topic_close(topic);
  tow_bus_close(bus);
}

static int subscribe(const char* name) {
  tow_bus* bus = NULL;
  tow_topic* topic = open_topic(name, &bus);
  tow_subscriber* subscriber = NULL;
  check(tow_subscriber_open(topic, NULL, &subscriber));
  static sample samples[64];
  size_t all = 0;
  double sum = 0;
  while (all < SAMPLES) {
    size_t count = 0;
    check(
        tow_subscriber_take_values(subscriber, 30 * SECONDS, samples, sizeof *samples, 64, &count));
    for (size_t i = 0; i < count; ++i) sum += samples[i].volts;
    all += count;
  }
  printf("%zu samples, %.1f V on average\n", all, sum / (double)all);
  tow_subscriber_close(subscriber);
  tow_topic_close(topic);
  tow_bus_close(bus);
  return sum == SAMPLES * 1.5 ? 0 : 1;
}

int main(int count, char** arguments) {
  char room[64];
  const char* const bus = bus_of(count, arguments, room, sizeof room, (long)getpid());
  const pid_t child = fork(); /* before either opens the bus */
  if (child < 0) return 1;
  if (child == 0) {
    publish(bus);
    return 0;
  }
  const int failed = subscribe(bus);
  int status = 1;
  waitpid(child, &status, 0);
  if (bus == room) check(tow_bus_remove(bus));
  return failed || status;
}
