/* Clients and servers of the walk. */
#include <string.h>

#include "tests/c/walk.h"

static void answer_and_stop(void* context, tow_request* request) {
  (void)tow_request_reply(request, "ran", 3, NULL);
  tow_server_stop(context);
}

static void answer_all_ways(tow_client* client, tow_server* server, tow_request* request,
                            tow_message* reply) {
  tow_call* call = NULL;
  OK(tow_client_send(client, "a", 1, WATCHDOG, NULL, &call));
  REQUIRE(!tow_waitable_ready(tow_call_waitable(call)));
  REQUIRE(tow_client_in_flight(client) == 1 && tow_server_ready(server));
  REQUIRE(tow_waitable_ready(tow_server_waitable(server)));
  OK(tow_server_take(server, WATCHDOG, request));
  REQUIRE(tow_message_payload(tow_request_message(request)).bytes == 1);
  REQUIRE(tow_request_attempts(request) == 0 && !tow_request_redelivered(request));
  REQUIRE(!tow_request_answered(request) && !tow_request_cancelled(request));
  tow_server_wait_for_client(server, WATCHDOG, true);
  OK(tow_request_reply_part(request, "part", 4));
  OK(tow_request_finish(request));
  OK(tow_call_next(call, reply));
  REQUIRE(tow_call_next(call, reply) == TOW_NOTHING);
  tow_call_close(call);

  OK(tow_client_send(client, "b", 1, 0, NULL, &call));
  tow_call_end_within(call, WATCHDOG);
  OK(tow_server_take(server, WATCHDOG, request));
  OK(tow_request_fail(request, "no", 3));
  REQUIRE(tow_call_wait(call, WATCHDOG));
  REQUIRE(tow_call_get(call, reply) == TOW_REQUEST_FAILED && tow_error_errno() == 3);
  tow_call_cancel(call);
  tow_call_close(call);

  OK(tow_client_send(client, "c", 1, WATCHDOG, NULL, &call));
  OK(tow_server_run(server, answer_and_stop, server));
  OK(tow_call_get(call, reply));
  REQUIRE(tow_message_payload(reply).bytes == 3);
  tow_call_close(call);
  REQUIRE(tow_client_call(client, "d", 1, 0, NULL, reply) == TOW_TIMED_OUT);
  REQUIRE(tow_server_answered(server) == 3 && tow_server_dropped(server) == 0);
}

void walk_service(tow_bus* bus) {
  tow_client_options calling;
  tow_client_options_init(&calling);
  tow_client* client = NULL;
  OK(tow_client_open(bus, "service", &calling, &client));
  tow_server_options serving;
  tow_server_options_init(&serving);
  tow_server* server = NULL;
  OK(tow_server_open(bus, "service", &serving, &server));
  REQUIRE(strcmp(tow_client_service(client), tow_server_service(server)) == 0);
  REQUIRE(strlen(tow_client_reply_topic(client)) > 0 && tow_client_late(client) == 0);
  tow_request* request = NULL;
  OK(tow_request_new(&request));
  tow_message* reply = NULL;
  OK(tow_message_new(&reply));
  answer_all_ways(client, server, request, reply);
  tow_client_close(client);
  tow_server_close(server);
  tow_request_free(request);
  tow_message_free(reply);
}
