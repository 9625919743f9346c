/* A service that adds numbers, and a process that asks it. What is no number is an error of the
 * caller.
 *
 *   request_reply [BUS]     without one, a temporary bus, removed at the end */

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "example.h"

static void add(void* context, tow_request* request) {
  tow_server* const server = context;
  const tow_view asked = tow_message_payload(tow_request_message(request));
  char text[64] = "";
  if (asked.bytes < sizeof text) memcpy(text, asked.data, asked.bytes);
  double a = 0, b = 0;
  if (sscanf(text, "%lf %lf", &a, &b) != 2) {
    check(tow_request_fail(request, "two numbers are needed", 22));
    return;
  }
  const int bytes = snprintf(text, sizeof text, "%g", a + b);
  check(tow_request_reply(request, text, (size_t)bytes, NULL));
  if (a + b == 0) tow_server_stop(server);
}

static int serve(const char* name) {
  tow_bus* bus = NULL;
  check(tow_bus_open(name, NULL, &bus));
  tow_server* server = NULL;
  check(tow_server_open(bus, "sum", NULL, &server));
  check(tow_server_run(server, add, server));
  tow_server_close(server);
  tow_bus_close(bus);
  return 0;
}

static int ask(const char* name) {
  tow_bus* bus = NULL;
  check(tow_bus_open(name, NULL, &bus));
  tow_client* client = NULL;
  check(tow_client_open(bus, "sum", NULL, &client));
  tow_message* reply = NULL;
  check(tow_message_new(&reply));
  check(tow_client_call(client, "2 3.5", 5, 30 * SECONDS, NULL, reply));
  const tow_view sum = tow_message_payload(reply);
  printf("2 + 3.5 = %.*s\n", (int)sum.bytes, (const char*)sum.data);
  int failed = sum.bytes != 3 || memcmp(sum.data, "5.5", 3) != 0;
  const tow_code code = tow_client_call(client, "two", 3, 30 * SECONDS, NULL, reply);
  printf("two: %s (%d)\n", tow_error_text(), (int)tow_error_errno());
  failed |= code != TOW_REQUEST_FAILED || tow_error_errno() != 22;
  check(tow_client_call(client, "0 0", 3, 30 * SECONDS, NULL, reply)); /* ends the server */
  tow_message_free(reply);
  tow_client_close(client);
  tow_bus_close(bus);
  return failed;
}

int main(int count, char** arguments) {
  char room[64];
  const char* const bus = bus_of(count, arguments, room, sizeof room, (long)getpid());
  const pid_t child = fork(); /* before either opens the bus */
  if (child < 0) return 1;
  if (child == 0) return serve(bus);
  const int failed = ask(bus);
  int status = 1;
  waitpid(child, &status, 0);
  if (bus == room) check(tow_bus_remove(bus));
  return failed || status;
}
