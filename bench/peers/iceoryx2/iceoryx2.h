#pragma once
/* iceoryx2 as far as the benchmark needs it, in C; src/lib.rs implements it in Rust. All objects
   belong to one thread. What returns a pointer returns NULL, and what returns an int -1, when it
   failed; ice_error() then says why. */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ice_publisher ice_publisher;
typedef struct ice_subscriber ice_subscriber;
typedef struct ice_notifier ice_notifier;
typedef struct ice_listener ice_listener;

/* What a service is created with; all that open it must give the same. */
typedef struct ice_limits {
  size_t words;  /* of a message, 8 bytes each */
  size_t buffer; /* messages that a subscriber may leave untaken; then publishers wait */
  size_t publishers;
  size_t subscribers;
} ice_limits;

const char* ice_error(void);

ice_publisher* ice_publisher_create(const char* service, ice_limits limits);
void ice_publisher_remove(ice_publisher* publisher);
/* Connects to all subscribers there are now; else the first send does. */
int ice_publisher_connect(ice_publisher* publisher);
/* Memory of the next message, until ice_send. */
void* ice_loan(ice_publisher* publisher);
/* The number of subscribers that it was delivered to. */
int ice_send(ice_publisher* publisher);

ice_subscriber* ice_subscriber_create(const char* service, ice_limits limits);
void ice_subscriber_remove(ice_subscriber* subscriber);
/* 1: there is a message, at *message until ice_release. 0: there is none. */
int ice_receive(ice_subscriber* subscriber, const void** message);
void ice_release(ice_subscriber* subscriber);

ice_notifier* ice_notifier_create(const char* service);
void ice_notifier_remove(ice_notifier* notifier);
int ice_notify(ice_notifier* notifier);

ice_listener* ice_listener_create(const char* service);
void ice_listener_remove(ice_listener* listener);
/* Sleeps until a notification comes: 1. 0: none within so many seconds. */
int ice_wait(ice_listener* listener, unsigned seconds);

#ifdef __cplusplus
}
#endif
