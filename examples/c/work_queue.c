/* A queue of jobs that two processes share. Each job is done by one of them; one that fails is
 * tried again, then goes to the dead letters.
 *
 *   work_queue [BUS]     without one, a temporary bus, removed at the end */

#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "example.h"

enum { JOBS = 100 };

static void open_queue(const char* name, tow_bus** bus, tow_topic** topic, tow_group** group) {
  check(tow_bus_open(name, NULL, bus));
  tow_group_options options;
  tow_group_options_init(&options);
  options.max_attempts = 2;
  options.dead_letter = "bad_jobs";
  check(tow_queue_open(*bus, "jobs", &options, NULL, topic, group));
}

static bool do_it(tow_view job) { return job.bytes != 3 || memcmp(job.data, "bad", 3) != 0; }

static int work(const char* name) {
  tow_bus* bus = NULL;
  tow_topic* topic = NULL;
  tow_group* group = NULL;
  open_queue(name, &bus, &topic, &group);
  tow_consumer* consumer = NULL;
  check(tow_consumer_open(group, NULL, &consumer));
  tow_delivery* job = NULL;
  check(tow_delivery_new(&job));
  bool more = true;
  while (more) {
    check(tow_consumer_take(consumer, 30 * SECONDS, job));
    const tow_view payload = tow_message_payload(tow_delivery_message(job));
    more = payload.bytes != 4 || memcmp(payload.data, "stop", 4) != 0;
    if (do_it(payload)) {
      check(tow_delivery_ack(job)); /* who dies before leaves it to another */
    } else {
      check(tow_delivery_retry(job, -1));
    }
  }
  tow_delivery_free(job);
  tow_consumer_close(consumer);
  tow_group_close(group);
  tow_topic_close(topic);
  tow_bus_close(bus);
  return 0;
}

static int give_work(const char* name, const pid_t workers[2]) {
  tow_bus* bus = NULL;
  tow_topic* topic = NULL;
  tow_group* group = NULL;
  open_queue(name, &bus, &topic, &group);
  tow_publisher* publisher = NULL;
  check(tow_publisher_open(topic, NULL, &publisher));
  check(tow_publish(publisher, "bad", 3, NULL));
  for (int i = 0; i < JOBS; ++i) check(tow_publish(publisher, "good", 4, NULL));
  tow_topic* dead = NULL; /* each worker ends after one "stop": wait for the bad job before */
  check(tow_topic_open(bus, "bad_jobs", NULL, &dead));
  tow_subscriber* letters = NULL;
  check(tow_subscriber_observe(dead, (tow_start){TOW_START_OLDEST, 0}, &letters));
  tow_message* letter = NULL;
  check(tow_message_new(&letter));
  check(tow_subscriber_take(letters, 30 * SECONDS, letter));
  printf("a dead letter of %zu bytes\n", tow_message_payload(letter).bytes);
  int failed = 0;
  for (int i = 0; i < 2; ++i) check(tow_publish(publisher, "stop", 4, NULL));
  for (int i = 0; i < 2; ++i) {
    int status = 1;
    waitpid(workers[i], &status, 0);
    failed |= status;
  }
  const tow_group_info* info = NULL;
  check(tow_group_info_get(group, &info));
  printf("%llu messages are left to do\n", (unsigned long long)info->lag);
  failed |= info->lag != 0;
  tow_group_info_free(info);
  tow_message_free(letter);
  tow_subscriber_close(letters);
  tow_publisher_close(publisher);
  tow_topic_close(dead);
  tow_group_close(group);
  tow_topic_close(topic);
  tow_bus_close(bus);
  return failed;
}

int main(int count, char** arguments) {
  char room[64];
  const char* const bus = bus_of(count, arguments, room, sizeof room, (long)getpid());
  pid_t workers[2];
  for (int i = 0; i < 2; ++i) {
    workers[i] = fork(); /* before anybody opens the bus */
    if (workers[i] < 0) return 1;
    if (workers[i] == 0) return work(bus);
  }
  const int failed = give_work(bus, workers);
  if (bus == room) check(tow_bus_remove(bus));
  return failed != 0;
}
