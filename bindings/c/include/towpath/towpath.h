#ifndef TOWPATH_TOWPATH_H
#define TOWPATH_TOWPATH_H
/** Towpath for C: the whole bus behind opaque handles, with an ABI that stays (symbols TOW_1).
 *
 * Errors. A function that can fail returns a tow_code: TOW_OK, TOW_NOTHING (nothing came in time,
 * which is no error) or what went wrong; tow_error_text() then says on this thread what failed, on
 * which file or topic, and what to do. Results go through the last pointer, which is written on
 * success only. A null handle is the error TOW_INVALID_ARGUMENT, except to the functions that
 * close, free or release, which ignore it.
 *
 * Handles. Each belongs to the caller, until its _close() or _free(). They may be closed in any
 * order: what one needs of another lives on until both are closed. A bus, a topic, a group and an
 * exchange may be used by many threads, every other handle by one at a time, and with it what came
 * from it (messages, loans, deliveries, calls, requests). A forked child uses none of its parent's.
 *
 * Options and information. Structs that the caller makes begin with their size, which their _init()
 * sets together with the defaults; so a program works with a newer library, which knows more
 * fields. A null pointer stands for the defaults. Structs that the library makes only grow at their
 * ends, and are reached by pointers.
 *
 * Times are nanoseconds; TOW_FOREVER waits for ever, 0 not at all. Names are texts with a final 0;
 * what travels in messages is a tow_view of any bytes. What a process that dies leaves behind, and
 * who repairs it, is as for C++ (docs/crash_recovery.md). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TOW_API __attribute__((visibility("default")))
#define TOW_CHECK __attribute__((warn_unused_result))
#else
#define TOW_API
#define TOW_CHECK
#endif

#define TOW_FOREVER INT64_MAX

/* void NAME_init(NAME *): gives each member its default. It tells the library how large the struct
 * is in this program, so that a newer library writes no member that this one does not know. */
#define TOW_INIT(NAME)                                                                        \
  TOW_API void NAME##_init_sized(NAME* options, size_t struct_bytes);                         \
  static inline void NAME##_init(NAME* options) { NAME##_init_sized(options, sizeof(NAME)); } \
  struct tow_unused

/* ---- errors ---------------------------------------------------------------------------------- */

typedef enum tow_code {
  TOW_OK = 0,
  TOW_NOT_FOUND = 1,         /**< no such bus, topic, group or exchange */
  TOW_ALREADY_EXISTS = 2,    /**< the name is taken */
  TOW_INVALID_NAME = 3,      /**< empty, too long, or not a name */
  TOW_INVALID_ARGUMENT = 4,  /**< an option out of its range, a null handle */
  TOW_TYPE_MISMATCH = 5,     /**< the topic carries another type */
  TOW_OPTIONS_MISMATCH = 6,  /**< it exists with other options */
  TOW_VERSION_MISMATCH = 7,  /**< made by another version of Towpath's layout */
  TOW_CORRUPT = 8,           /**< foreign, truncated or damaged file */
  TOW_HALF_MADE = 9,         /**< a file without its final mark */
  TOW_TOO_LARGE = 10,        /**< message above the topic's limit */
  TOW_FULL = 11,             /**< no room: a required subscriber has not read yet */
  TOW_TIMED_OUT = 12,        /**< the deadline passed */
  TOW_NO_SPACE = 13,         /**< the filesystem is full */
  TOW_NO_PERMISSION = 14,    /**< the kernel refused */
  TOW_TOO_MANY = 15,         /**< a limit of participants, publishers, subscribers, deliveries */
  TOW_PUBLISHER_EXISTS = 16, /**< a topic of one publisher has one that lives */
  TOW_NOT_SUPPORTED = 17,    /**< the kernel or filesystem lacks something */
  TOW_REMOVED = 18,          /**< the topic, group or exchange was removed */
  TOW_EVICTED = 19,          /**< a required subscriber fell behind its max_lag */
  TOW_LEASE_LOST = 20,       /**< a delivery is its consumer's no more */
  TOW_STALE = 21,            /**< this process owns its entry in the bus no more */
  TOW_SYSTEM = 22,           /**< any other failed system call */
  TOW_UNROUTABLE = 23,       /**< no binding leads to a queue, and the message was mandatory */
  TOW_NO_SERVER = 24,        /**< nobody serves the service */
  TOW_SERVER_DIED = 25,      /**< the server that handled a request is dead */
  TOW_NO_REPLY = 26,         /**< a request was settled without a reply */
  TOW_REQUEST_FAILED = 27,   /**< the server says that it failed; tow_error_errno() is its number */
  TOW_CANCELLED = 28,        /**< the caller wants no more of the reply */
  TOW_NOTHING = 1000         /**< nothing came in time, or nothing is left; no error */
} tow_code;

/** What the last function of this thread that failed has to say; "" before. Stays until this
 *  thread's next failure. */
TOW_API const char* tow_error_text(void);
/** errno of the system call that failed, or the server's number of TOW_REQUEST_FAILED; else 0. */
TOW_API int32_t tow_error_errno(void);
/** The name of a code, for example "not_found"; "unknown" for other numbers. */
TOW_API const char* tow_code_name(tow_code code);
/** Version of the library, for example "0.1.0". */
TOW_API const char* tow_version(void);

/* ---- small things ---------------------------------------------------------------------------- */

/** Bytes somewhere in memory, a text among them; not ended by a 0. */
typedef struct tow_view {
  const void* data;
  size_t bytes;
} tow_view;

/** Of a text with a final 0; null gives an empty view. */
TOW_API tow_view tow_text(const char* text);

/** Names, sorted. */
typedef struct tow_names {
  size_t count;
  const char* const* names;
} tow_names;
TOW_API void tow_names_free(const tow_names* names);

/** What a typed topic remembers of its type. C++ and Python compute the same from the same name
 *  (specialise tow::type_name<T>), size and alignment; a mismatch is an error. */
typedef struct tow_type {
  const char* name;
  uint32_t bytes; /**< sizeof; 0: bytes of any length */
  uint32_t align; /**< _Alignof, 1 to 16 */
} tow_type;

typedef struct tow_bus tow_bus;
typedef struct tow_topic tow_topic;
typedef struct tow_publisher tow_publisher;
typedef struct tow_loan tow_loan;
typedef struct tow_subscriber tow_subscriber;
typedef struct tow_message tow_message;
typedef struct tow_waitable tow_waitable;
typedef struct tow_headers tow_headers;
typedef struct tow_group tow_group;
typedef struct tow_consumer tow_consumer;
typedef struct tow_delivery tow_delivery;
typedef struct tow_settlement tow_settlement;
typedef struct tow_exchange tow_exchange;
typedef struct tow_exchange_publisher tow_exchange_publisher;
typedef struct tow_client tow_client;
typedef struct tow_call tow_call;
typedef struct tow_server tow_server;
typedef struct tow_request tow_request;

/* ---- headers and attributes ------------------------------------------------------------------ */

typedef enum tow_value_kind {
  TOW_VALUE_NULL = 0,
  TOW_VALUE_BOOLEAN = 1,
  TOW_VALUE_INTEGER = 2,
  TOW_VALUE_REAL = 3,
  TOW_VALUE_TEXT = 4,
  TOW_VALUE_BYTES = 5
} tow_value_kind;

/** The value of a header; `kind` says which member counts: `view` of texts and bytes. */
typedef struct tow_value {
  tow_value_kind kind;
  union {
    bool boolean;
    int64_t integer;
    double real;
    tow_view view;
  };
} tow_value;

/** An ordered list of named values, up to 65535 bytes all together; see docs/messages.md. Views
 *  that it gives stay until it is changed or freed. */
TOW_API TOW_CHECK tow_code tow_headers_new(tow_headers** headers);
TOW_API void tow_headers_free(tow_headers* headers);
/** Appends one, whatever there is of that name (1 to 255 bytes). */
TOW_API tow_code tow_headers_add(tow_headers* headers, tow_view name, tow_value value);
/** Gives the first of that name this value and removes the others; appends it if there is none. */
TOW_API tow_code tow_headers_set(tow_headers* headers, tow_view name, tow_value value);
/** Removes all of that name; returns how many there were. */
TOW_API size_t tow_headers_remove(tow_headers* headers, tow_view name);
TOW_API void tow_headers_clear(tow_headers* headers);
TOW_API size_t tow_headers_size(const tow_headers* headers);
/** TOW_NOTHING behind the last. */
TOW_API tow_code tow_headers_at(const tow_headers* headers, size_t index, tow_view* name,
                                tow_value* value);
/** The first of that name; TOW_NOTHING when there is none. */
TOW_API tow_code tow_headers_find(const tow_headers* headers, tow_view name, tow_value* value);

/** What may be said about a message besides its payload; all of it optional, and free unless given.
 *  Texts are up to 255 bytes. See docs/messages.md. */
typedef struct tow_attributes {
  size_t struct_bytes;
  tow_view key;            /**< what it is about; groups in order keep messages of a key in order */
  tow_view tag;            /**< a kind of message that readers look for; only its hash travels */
  uint64_t tag_hash;       /**< instead of a tag: its hash; 0: none */
  int64_t time_to_live_ns; /**< from the call; 0 or TOW_FOREVER: never expires */
  int64_t delay_ns;        /**< groups see it after so long, counted from the call */
  uint8_t priority;        /**< 0 to 7, the most urgent */
  tow_view correlation_id; /**< ties a reply to its request */
  tow_view reply_topic;    /**< where an answer is expected */
  tow_view content_type;   /**< for example "application/json" */
  const tow_headers* headers; /**< or null */
  uint64_t number;            /**< among those of its producer, from 1, rising; 0: none */
} tow_attributes;
TOW_INIT(tow_attributes);

/* ---- bus ------------------------------------------------------------------------------------- */

typedef struct tow_bus_options {
  size_t struct_bytes;
  bool create;        /**< make the bus when it does not exist; default true */
  bool observe;       /**< look only: join, write and repair nothing; default false */
  uint32_t file_mode; /**< rights of files that are made; default 0600 */
} tow_bus_options;
TOW_INIT(tow_bus_options);

/** Opens (or makes) the bus `name`, in $TOWPATH_DIR or below /dev/shm; a name with a '/' is a
 *  path. Repairs what dead processes left. */
TOW_API TOW_CHECK tow_code tow_bus_open(const char* name, const tow_bus_options* options,
                                        tow_bus** bus);
TOW_API void tow_bus_close(tow_bus* bus);
/** Its directory; stays as long as the handle. */
TOW_API const char* tow_bus_path(const tow_bus* bus);
/** Where the bus of that name is, or would be; free(3) it. */
TOW_API TOW_CHECK tow_code tow_bus_path_of(const char* name, char** path);
/** Deletes a bus that no living process uses. */
TOW_API tow_code tow_bus_remove(const char* name);
TOW_API tow_code tow_bus_topics(const tow_bus* bus, const tow_names** names);
TOW_API tow_code tow_bus_exchanges(const tow_bus* bus, const tow_names** names);
/** Removes a topic: who has it open reads what is there, then gets TOW_REMOVED. */
TOW_API tow_code tow_bus_remove_topic(const tow_bus* bus, const char* name);
TOW_API tow_code tow_bus_remove_exchange(const tow_bus* bus, const char* name);

typedef struct tow_heal_report {
  uint32_t participants; /**< dead processes whose entries were freed */
  uint32_t lanes;        /**< lanes of dead publishers made adoptable */
  uint32_t readers;      /**< pages of dead subscribers freed */
  uint32_t consumers;    /**< dead consumers, whose leases were given back */
  uint32_t leftovers;    /**< directories of removed topics deleted */
} tow_heal_report;
/** Repairs what dead processes left; `report` may be null. */
TOW_API tow_code tow_bus_heal(const tow_bus* bus, tow_heal_report* report);
/** For supervisors: heals whenever somebody dies, until tow_bus_stop_supervising(). `supervises` is
 *  false when others do. */
TOW_API tow_code tow_bus_supervise(const tow_bus* bus, bool* supervises);
TOW_API void tow_bus_stop_supervising(const tow_bus* bus);

typedef struct tow_process_info {
  uint32_t uid, pid;   /**< pid in its own PID namespace; 0: unknown */
  bool alive;          /**< by its lock */
  uint64_t joined_ns;  /**< CLOCK_REALTIME */
  const char* command; /**< as in /proc/<pid>/comm */
} tow_process_info;
typedef struct tow_processes {
  size_t count;
  const tow_process_info* const* processes;
} tow_processes;
/** Processes that have joined, dead ones too as long as nobody repaired them. */
TOW_API tow_code tow_bus_processes(const tow_bus* bus, const tow_processes** processes);
TOW_API void tow_processes_free(const tow_processes* processes);

/* ---- topic ----------------------------------------------------------------------------------- */

typedef enum tow_publishers {
  TOW_PUBLISHERS_ANY,
  TOW_PUBLISHERS_ONE,
  TOW_PUBLISHERS_MANY
} tow_publishers;
typedef enum tow_stamps {
  TOW_STAMPS_ANY,
  TOW_STAMPS_SAMPLED,
  TOW_STAMPS_ALL,
  TOW_STAMPS_NONE
} tow_stamps;

/** 0 and ANY mean: as the topic is, or the default when this call makes it. */
typedef struct tow_topic_options {
  size_t struct_bytes;
  tow_publishers publishers;  /**< ONE is fastest; default MANY */
  uint64_t depth;             /**< messages before a publisher waits: 16 to 4194304; default 1024 */
  uint32_t slot_bytes;        /**< 64, 128 or 256; 16 less travels inline */
  uint64_t max_message_bytes; /**< 1 to 1 GiB; default the type's, or 64 KiB */
  uint64_t pool_bytes;        /**< each publisher's memory for what fits no slot, up to 16 GiB */
  uint64_t lane_depth;        /**< slots of one publisher's lane; default the topic's depth */
  uint32_t max_publishers, max_subscribers; /**< 1 to 1024; default 1024 */
  tow_stamps stamps;                        /**< default SAMPLED, every 64th message */
  bool huge_pages;                          /**< default false */
  bool create;                              /**< default true */
  tow_type type;                            /**< default bytes of any length */
} tow_topic_options;
TOW_INIT(tow_topic_options);

TOW_API TOW_CHECK tow_code tow_topic_open(const tow_bus* bus, const char* name,
                                          const tow_topic_options* options, tow_topic** topic);
/** An existing topic of whatever type, as bytes. For tools. */
TOW_API TOW_CHECK tow_code tow_topic_open_as_bytes(const tow_bus* bus, const char* name,
                                                   tow_topic** topic);
TOW_API void tow_topic_close(tow_topic* topic);
TOW_API const char* tow_topic_name(const tow_topic* topic);
/** Sequence of the newest message, 0 when there is none. */
TOW_API uint64_t tow_topic_last_sequence(const tow_topic* topic);
/** Waits until so many subscribers are alive; TOW_TIMED_OUT says how many are. */
TOW_API tow_code tow_topic_wait_for_subscribers(const tow_topic* topic, uint32_t count,
                                                int64_t timeout_ns);
TOW_API tow_code tow_topic_groups(const tow_topic* topic, const tow_names** names);
TOW_API tow_code tow_topic_remove_group(const tow_topic* topic, const char* name);

/* ---- publisher and loan ---------------------------------------------------------------------- */

typedef enum tow_when_full {
  TOW_WHEN_FULL_WAIT, /**< up to wait_at_most_ns, then TOW_TIMED_OUT names who is in the way */
  TOW_WHEN_FULL_FAIL, /**< TOW_FULL, at once */
  TOW_WHEN_FULL_DROP  /**< give the message up and count it */
} tow_when_full;

typedef struct tow_publisher_options {
  size_t struct_bytes;
  tow_when_full when_full;
  int64_t wait_at_most_ns;     /**< default TOW_FOREVER */
  int64_t take_over_within_ns; /**< hot standby: wait so long for a publisher to end; default 0 */
  const char* producer;        /**< name under which messages are numbered; null: none */
} tow_publisher_options;
TOW_INIT(tow_publisher_options);

TOW_API TOW_CHECK tow_code tow_publisher_open(const tow_topic* topic,
                                              const tow_publisher_options* options,
                                              tow_publisher** publisher);
TOW_API void tow_publisher_close(tow_publisher* publisher);
/** Publishes a copy; every subscriber can see it on return. `attributes` may be null. */
TOW_API tow_code tow_publish(tow_publisher* publisher, const void* data, size_t bytes,
                             const tow_attributes* attributes);
/** Publishes `count` payloads of `bytes` each that lie one after the other; `published` (or null)
 *  says how many went out. */
TOW_API tow_code tow_publish_batch(tow_publisher* publisher, const void* data, size_t bytes,
                                   size_t count, const tow_attributes* attributes,
                                   size_t* published);
/** Waits no longer than that for room from the next call on, as if the options had said so. For who
 *  waits in pieces, to look after something else between them. */
TOW_API void tow_publisher_wait_at_most(tow_publisher* publisher, int64_t timeout_ns);
TOW_API uint64_t tow_publisher_last_sequence(const tow_publisher* publisher);
TOW_API uint64_t tow_publisher_dropped(const tow_publisher* publisher);
/** Highest number of this producer that is out, also from before a crash. */
TOW_API uint64_t tow_publisher_last_number(const tow_publisher* publisher);
TOW_API uint64_t tow_publisher_duplicates(const tow_publisher* publisher);

/** Memory for up to `bytes`, to be written in place, then published or returned. */
TOW_API TOW_CHECK tow_code tow_loan_take(tow_publisher* publisher, size_t bytes, tow_loan** loan);
TOW_API void* tow_loan_data(tow_loan* loan);
TOW_API size_t tow_loan_bytes(const tow_loan* loan);
/** Publishes its first `bytes` (at most what was lent). The handle is closed on success; after an
 *  error it may be published again. */
TOW_API tow_code tow_loan_publish(tow_loan* loan, size_t bytes, const tow_attributes* attributes);
/** Gives it back unpublished. */
TOW_API void tow_loan_return(tow_loan* loan);

/* ---- message --------------------------------------------------------------------------------- */

/** A place for one message, used again for as many as one likes. Payloads that do not fit a slot
 * are read where they lie, and hold that memory until the next take into it, its release or free.
 *  Views of it stay as long. */
TOW_API TOW_CHECK tow_code tow_message_new(tow_message** message);
TOW_API void tow_message_free(tow_message* message);
/** Ends the use of the payload; it is empty then. */
TOW_API void tow_message_release(tow_message* message);

TOW_API tow_view tow_message_payload(const tow_message* message);
/** Its number in the topic, from 1, without gaps; 0 of an empty message. */
TOW_API uint64_t tow_message_sequence(const tow_message* message);
/** Messages that this lossy subscriber missed right before this one. */
TOW_API uint64_t tow_message_missed(const tow_message* message);
TOW_API tow_view tow_message_key(const tow_message* message);
TOW_API uint64_t tow_message_tag_hash(const tow_message* message);
TOW_API bool tow_message_has_tag(const tow_message* message, tow_view tag);
/** CLOCK_MONOTONIC; 0: never expires. */
TOW_API uint64_t tow_message_expires_at_ns(const tow_message* message);
TOW_API bool tow_message_expired(const tow_message* message);
/** CLOCK_MONOTONIC; 0: was due at once. */
TOW_API uint64_t tow_message_due_at_ns(const tow_message* message);
TOW_API int tow_message_priority(const tow_message* message);
TOW_API tow_view tow_message_correlation_id(const tow_message* message);
TOW_API tow_view tow_message_reply_topic(const tow_message* message);
TOW_API tow_view tow_message_content_type(const tow_message* message);
/** A copy of its headers, to be freed. */
TOW_API TOW_CHECK tow_code tow_message_headers(const tow_message* message, tow_headers** headers);

/* ---- subscriber ------------------------------------------------------------------------------ */

typedef enum tow_start_kind {
  TOW_START_NEXT,     /**< what is published from now on */
  TOW_START_OLDEST,   /**< all that the topic still has */
  TOW_START_LAST,     /**< the newest `value` messages */
  TOW_START_SEQUENCE, /**< the sequence `value`; the oldest when that is gone */
  TOW_START_TIME      /**< the first published no longer than `value` ns ago */
} tow_start_kind;
typedef struct tow_start {
  tow_start_kind kind;
  uint64_t value;
} tow_start;

typedef struct tow_subscriber_options {
  size_t struct_bytes;
  bool lossy;        /**< publishers never wait for it; every gap is counted; default false */
  tow_start start;   /**< default NEXT */
  uint64_t max_lag;  /**< evicted when further behind, instead of holding publishers up; 0: never */
  uint32_t max_held; /**< large messages held in place at a time, up to 64 */
  int64_t spin_ns;   /**< how long a take looks before it sleeps; default 50000 */
} tow_subscriber_options;
TOW_INIT(tow_subscriber_options);

TOW_API TOW_CHECK tow_code tow_subscriber_open(const tow_topic* topic,
                                               const tow_subscriber_options* options,
                                               tow_subscriber** subscriber);
/** One that nobody can see: it polls, copies everything, protects nothing. For tools. */
TOW_API TOW_CHECK tow_code tow_subscriber_observe(const tow_topic* topic, tow_start start,
                                                  tow_subscriber** subscriber);
TOW_API void tow_subscriber_close(tow_subscriber* subscriber);
/** The next message, waiting up to `timeout_ns` (0: never waits); TOW_NOTHING when none came. What
 *  `message` held is released first. */
TOW_API tow_code tow_subscriber_take(tow_subscriber* subscriber, int64_t timeout_ns,
                                     tow_message* message);
/** Up to `max` messages, waiting for the first only. */
TOW_API tow_code tow_subscriber_take_batch(tow_subscriber* subscriber, int64_t timeout_ns,
                                           tow_message* const* messages, size_t max, size_t* count);
/** Up to `max` payloads of exactly `bytes` each, copied to `values` one after the other, waiting
 * for the first only. One of another size ends the batch; as the first it is TOW_TYPE_MISMATCH, and
 *  is skipped. */
TOW_API tow_code tow_subscriber_take_values(tow_subscriber* subscriber, int64_t timeout_ns,
                                            void* values, size_t bytes, size_t max, size_t* count);
/** The newest message, skipping those before it, which is no loss. */
TOW_API tow_code tow_subscriber_latest(tow_subscriber* subscriber, tow_message* message);
TOW_API uint64_t tow_subscriber_next_sequence(const tow_subscriber* subscriber);
TOW_API uint64_t tow_subscriber_start_sequence(const tow_subscriber* subscriber);
TOW_API uint64_t tow_subscriber_lag(const tow_subscriber* subscriber);
TOW_API uint64_t tow_subscriber_received(const tow_subscriber* subscriber);
TOW_API uint64_t tow_subscriber_lost(const tow_subscriber* subscriber);
TOW_API uint64_t tow_subscriber_gaps(const tow_subscriber* subscriber);

/* ---- waiting for several --------------------------------------------------------------------- */

/** What can be waited for; part of its subscriber, consumer, call or server, and gone with it. */
TOW_API tow_waitable* tow_subscriber_waitable(tow_subscriber* subscriber);
TOW_API tow_waitable* tow_consumer_waitable(tow_consumer* consumer);
/** Where the replies of the call's client come: it is ready for other calls' replies too, and no
 *  more for what a look at one of those has fetched. Ask tow_call_wait(call, 0) before waiting. */
TOW_API tow_waitable* tow_call_waitable(tow_call* call);
/** Ready for requests as a consumer is for deliveries. */
TOW_API tow_waitable* tow_server_waitable(tow_server* server);
/** True when a take would not wait. */
TOW_API bool tow_waitable_ready(const tow_waitable* waitable);
/** A descriptor for epoll or poll, readable while there may be something to take: take without
 *  waiting until TOW_NOTHING, then wait again; do not read from it or close it. */
TOW_API tow_code tow_waitable_fd(tow_waitable* waitable, int* fd);
/** Waits until one of them is ready; TOW_NOTHING when none is in time. One thread at a time. */
TOW_API tow_code tow_wait_any(tow_waitable* const* waitables, size_t count, int64_t timeout_ns,
                              size_t* index);

/* ---- group, consumer, delivery --------------------------------------------------------------- */

typedef enum tow_group_mode {
  TOW_GROUP_SHARED,
  TOW_GROUP_ORDERED,
  TOW_GROUP_SINGLE_ACTIVE
} tow_group_mode;
typedef enum tow_overflow {
  TOW_OVERFLOW_BLOCK,
  TOW_OVERFLOW_REJECT,
  TOW_OVERFLOW_DROP_OLDEST
} tow_overflow;

/** What a group is, fixed when it is made; see docs/groups.md. */
typedef struct tow_group_options {
  size_t struct_bytes;
  tow_group_mode mode;     /**< default SHARED */
  tow_start start;         /**< where a new group begins; default NEXT */
  uint32_t max_attempts;   /**< 1 to 30; default 16 */
  int64_t lease_ns;        /**< deadline of a delivery; 0: none */
  int64_t backoff_ns;      /**< before the third attempt, doubled each time; default 100 ms */
  int64_t max_backoff_ns;  /**< default 60 s */
  int64_t time_to_live_ns; /**< 0: messages' own only; up to 8 hours, with stamps = ALL */
  uint64_t max_length;     /**< unsettled messages; 0: as many as the topic holds */
  tow_overflow overflow;   /**< what becomes of more; default BLOCK */
  bool by_priority;        /**< default false */
  const char* key_pattern; /**< words split by '.', '*' one word, '#' any number; null: all */
  const char* tag;         /**< only messages with this tag; null: all */
  const char* dead_letter; /**< topic for messages that were given up; null: dropped and counted */
  bool drop_when_dead_letters_full; /**< default false: they wait */
  bool create;                      /**< default true */
} tow_group_options;
TOW_INIT(tow_group_options);

/** With null options the group is opened as it is, or made with the defaults. */
TOW_API TOW_CHECK tow_code tow_group_open(const tow_topic* topic, const char* name,
                                          const tow_group_options* options, tow_group** group);
TOW_API void tow_group_close(tow_group* group);
TOW_API const char* tow_group_name(const tow_group* group);
TOW_API tow_code tow_group_pause(const tow_group* group);
TOW_API tow_code tow_group_resume(const tow_group* group);

typedef enum tow_seek_kind {
  TOW_SEEK_OLDEST,
  TOW_SEEK_NEWEST,   /**< behind the last */
  TOW_SEEK_SEQUENCE, /**< to the sequence `value` */
  TOW_SEEK_TIME,     /**< to the first published no longer than `value` ns ago */
  TOW_SEEK_OFFSET    /**< `value` messages on, or back */
} tow_seek_kind;
/** Moves the group while it runs; `sequence` (or null) says where it is then. */
TOW_API tow_code tow_group_seek(const tow_group* group, tow_seek_kind kind, int64_t value,
                                uint64_t* sequence);
/** Where that would be. */
TOW_API uint64_t tow_group_seek_target(const tow_group* group, tow_seek_kind kind, int64_t value);

/** The queue `name`: the topic of that name with the group TOW_QUEUE_GROUP. With null options it is
 *  opened as it is, or made with the defaults. */
#define TOW_QUEUE_GROUP "queue"
TOW_API TOW_CHECK tow_code tow_queue_open(const tow_bus* bus, const char* name,
                                          const tow_group_options* group_options,
                                          const tow_topic_options* topic_options, tow_topic** topic,
                                          tow_group** group);

typedef struct tow_consumer_options {
  size_t struct_bytes;
  uint32_t prefetch; /**< deliveries unsettled at a time, 1 to 256; default 8 */
  uint32_t max_held; /**< large messages held in place, up to 64 */
  int64_t spin_ns;   /**< default 50000 */
} tow_consumer_options;
TOW_INIT(tow_consumer_options);

TOW_API TOW_CHECK tow_code tow_consumer_open(const tow_group* group,
                                             const tow_consumer_options* options,
                                             tow_consumer** consumer);
/** What it has not settled goes back without blame, as soon as no delivery of it is held. */
TOW_API void tow_consumer_close(tow_consumer* consumer);
/** Deliveries handed out or prefetched, and not settled. */
TOW_API uint32_t tow_consumer_outstanding(const tow_consumer* consumer);

/** A place for one delivery, used again. One that is freed or taken into while unsettled is
 * released first. */
TOW_API TOW_CHECK tow_code tow_delivery_new(tow_delivery** delivery);
TOW_API void tow_delivery_free(tow_delivery* delivery);
/** The next delivery; TOW_NOTHING when none came in time, TOW_TOO_MANY when as many are unsettled
 * as `prefetch` allows. */
TOW_API tow_code tow_consumer_take(tow_consumer* consumer, int64_t timeout_ns,
                                   tow_delivery* delivery);
TOW_API tow_code tow_consumer_take_batch(tow_consumer* consumer, int64_t timeout_ns,
                                         tow_delivery* const* deliveries, size_t max,
                                         size_t* count);
/** What it carries; part of the delivery, and not to be freed. */
TOW_API const tow_message* tow_delivery_message(const tow_delivery* delivery);
/** How often handling it was begun and failed before. */
TOW_API uint32_t tow_delivery_attempts(const tow_delivery* delivery);
TOW_API bool tow_delivery_redelivered(const tow_delivery* delivery);
TOW_API bool tow_delivery_settled(const tow_delivery* delivery);
/** Done: comes never again. Of this and the following: TOW_LEASE_LOST when it is this consumer's no
 *  more. */
TOW_API tow_code tow_delivery_ack(tow_delivery* delivery);
/** Acks all; `acked` (or null) says how many were still this consumer's. */
TOW_API tow_code tow_delivery_ack_all(tow_delivery* const* deliveries, size_t count, size_t* acked);
/** As if it had not been handed out. */
TOW_API tow_code tow_delivery_release(tow_delivery* delivery);
/** Failed: again after `after_ns`; negative: after the group's backoff. */
TOW_API tow_code tow_delivery_retry(tow_delivery* delivery, int64_t after_ns);
/** Given up, with a reason: to the dead letters. */
TOW_API tow_code tow_delivery_reject(tow_delivery* delivery, const char* reason);
/** Starts the time of its lease anew. */
TOW_API tow_code tow_delivery_renew(tow_delivery* delivery);

/** Acks deliveries and publishes messages, all or none, whoever dies; see docs/groups.md. Nothing
 *  happens before the commit. */
TOW_API TOW_CHECK tow_code tow_settlement_new(tow_consumer* consumer, tow_delivery* delivery,
                                              tow_settlement** settlement);
TOW_API void tow_settlement_free(tow_settlement* settlement);
/** One more delivery of the same consumer. */
TOW_API tow_code tow_settlement_add(tow_settlement* settlement, tow_delivery* delivery);
/** One more message, of which it keeps a copy; to a topic of many publishers of the same bus. */
TOW_API tow_code tow_settlement_publish(tow_settlement* settlement, tow_publisher* publisher,
                                        const void* data, size_t bytes,
                                        const tow_attributes* attributes);
TOW_API tow_code tow_settlement_commit(tow_settlement* settlement, int64_t timeout_ns);

/* ---- exchange -------------------------------------------------------------------------------- */

typedef enum tow_exchange_kind {
  TOW_EXCHANGE_ANY, /**< as it is; DIRECT when this call makes it */
  TOW_EXCHANGE_DIRECT,
  TOW_EXCHANGE_FANOUT,
  TOW_EXCHANGE_TOPIC,
  TOW_EXCHANGE_HEADERS
} tow_exchange_kind;

typedef struct tow_exchange_options {
  size_t struct_bytes;
  tow_exchange_kind kind;
  const char* alternate; /**< exchange for what no binding matches; null: none */
  uint64_t table_bytes;  /**< memory for bindings, 4 KiB to 64 MiB; default 64 KiB */
  bool create;           /**< default true */
} tow_exchange_options;
TOW_INIT(tow_exchange_options);

/** The name "" is the default exchange, which leads to the queue that the routing key names. */
TOW_API TOW_CHECK tow_code tow_exchange_open(const tow_bus* bus, const char* name,
                                             const tow_exchange_options* options,
                                             tow_exchange** exchange);
TOW_API void tow_exchange_close(tow_exchange* exchange);
TOW_API const char* tow_exchange_name(const tow_exchange* exchange);
TOW_API tow_exchange_kind tow_exchange_kind_of(const tow_exchange* exchange);
TOW_API const char* tow_exchange_alternate(const tow_exchange* exchange);

typedef enum tow_binding_to { TOW_BINDING_TO_QUEUE, TOW_BINDING_TO_EXCHANGE } tow_binding_to;
/** Lets what matches go to that queue or exchange, which must exist. `changed` (or null) is false
 *  when it was there. `arguments` (or null) are for kind HEADERS. */
TOW_API tow_code tow_exchange_bind(const tow_exchange* exchange, tow_binding_to to,
                                   const char* destination, const char* key,
                                   const tow_headers* arguments, bool* changed);
TOW_API tow_code tow_exchange_unbind(const tow_exchange* exchange, tow_binding_to to,
                                     const char* destination, const char* key,
                                     const tow_headers* arguments, bool* changed);
typedef struct tow_binding {
  tow_binding_to to;
  const char* destination;
  const char* key;
  const tow_headers* arguments; /**< never null */
} tow_binding;
typedef struct tow_bindings {
  size_t count;
  const tow_binding* const* bindings;
} tow_bindings;
TOW_API tow_code tow_exchange_bindings(const tow_exchange* exchange, const tow_bindings** bindings);
TOW_API void tow_bindings_free(const tow_bindings* bindings);
typedef struct tow_exchange_publisher_options {
  size_t struct_bytes;
  tow_when_full when_full;
  int64_t wait_at_most_ns;
  bool mandatory;         /**< a message that reaches no queue is TOW_UNROUTABLE; default false */
  bool carry_routing_key; /**< as its key, where it has none of its own; default true */
} tow_exchange_publisher_options;
TOW_INIT(tow_exchange_publisher_options);

TOW_API TOW_CHECK tow_code tow_exchange_publisher_open(
    const tow_exchange* exchange, const tow_exchange_publisher_options* options,
    tow_exchange_publisher** publisher);
TOW_API void tow_exchange_publisher_close(tow_exchange_publisher* publisher);
/** `reached` (or null) says how many queues got it; after an error too. */
TOW_API tow_code tow_exchange_publish(tow_exchange_publisher* publisher, const char* routing_key,
                                      const void* data, size_t bytes,
                                      const tow_attributes* attributes, size_t* reached);
/** After TOW_TIMED_OUT: goes on with the same payload, for those queues alone that were full, and
 *  waits up to `timeout_ns` for them. Code and `reached` are of the message as a whole. */
TOW_API tow_code tow_exchange_publish_rest(tow_exchange_publisher* publisher, const void* data,
                                           size_t bytes, int64_t timeout_ns, size_t* reached);
TOW_API uint64_t tow_exchange_publisher_dropped(const tow_exchange_publisher* publisher);

/* ---- client and server ----------------------------------------------------------------------- */

/** 0 means: as it is, or the default when this call makes it. */
typedef struct tow_service_options {
  uint32_t max_attempts;      /**< how often a request is begun; default 1 */
  uint64_t depth;             /**< requests waiting or handled; default 1024 */
  uint64_t max_request_bytes; /**< default 64 KiB */
  uint64_t pool_bytes;        /**< each client's memory for requests that fit no slot */
  bool create;                /**< default true */
  tow_type type;              /**< of requests; default bytes of any length */
  uint64_t reserved[4];       /**< 0 */
} tow_service_options;

typedef struct tow_client_options {
  size_t struct_bytes;
  tow_service_options service;
  bool fail_without_server;     /**< TOW_NO_SERVER at once; default false: waits for one */
  uint64_t reply_depth;         /**< replies a server may be ahead; default 128 */
  uint64_t max_reply_bytes;     /**< default 64 KiB */
  uint64_t reply_pool_bytes;    /**< default 256 KiB */
  uint32_t max_waiting_replies; /**< of one call; default 4096 */
  int64_t spin_ns;              /**< default 50000 */
} tow_client_options;
TOW_INIT(tow_client_options);

TOW_API TOW_CHECK tow_code tow_client_open(const tow_bus* bus, const char* service,
                                           const tow_client_options* options, tow_client** client);
TOW_API void tow_client_close(tow_client* client);
TOW_API const char* tow_client_service(const tow_client* client);
TOW_API const char* tow_client_reply_topic(const tow_client* client);
TOW_API size_t tow_client_in_flight(const tow_client* client);
TOW_API uint64_t tow_client_late(const tow_client* client);
/** Sends a request and waits for its reply, for `timeout_ns` in all. */
TOW_API tow_code tow_client_call(tow_client* client, const void* data, size_t bytes,
                                 int64_t timeout_ns, const tow_attributes* attributes,
                                 tow_message* reply);
/** Sends a request; its replies are taken from the call. */
TOW_API TOW_CHECK tow_code tow_client_send(tow_client* client, const void* data, size_t bytes,
                                           int64_t timeout_ns, const tow_attributes* attributes,
                                           tow_call** call);
/** The next reply of a stream, waiting until the call's time is over; TOW_NOTHING behind the last.
 */
TOW_API tow_code tow_call_next(tow_call* call, tow_message* reply);
/** The reply. */
TOW_API tow_code tow_call_get(tow_call* call, tow_message* reply);
/** True when tow_call_next() would not wait; waits up to `timeout_ns` for it. */
TOW_API bool tow_call_wait(tow_call* call, int64_t timeout_ns);
/** Its time is over so long from now, whatever was said when it was sent. For who sends in pieces,
 *  to look after something else while the service is full. */
TOW_API void tow_call_end_within(tow_call* call, int64_t timeout_ns);
/** The caller wants no more. */
TOW_API void tow_call_cancel(tow_call* call);
/** Cancels it, if it is not over. */
TOW_API void tow_call_close(tow_call* call);

typedef struct tow_server_options {
  size_t struct_bytes;
  tow_service_options service;
  uint32_t concurrent;        /**< requests unanswered at a time, 1 to 256; default 1 */
  int64_t wait_for_client_ns; /**< how long a reply waits for a client that takes none; 1 s */
  uint32_t known_clients;     /**< reply topics kept open; default 64 */
  int64_t spin_ns;            /**< default 50000 */
} tow_server_options;
TOW_INIT(tow_server_options);

TOW_API TOW_CHECK tow_code tow_server_open(const tow_bus* bus, const char* service,
                                           const tow_server_options* options, tow_server** server);
TOW_API void tow_server_close(tow_server* server);
TOW_API const char* tow_server_service(const tow_server* server);
TOW_API uint64_t tow_server_answered(const tow_server* server);
TOW_API uint64_t tow_server_dropped(const tow_server* server);
TOW_API bool tow_server_ready(const tow_server* server);
/** Calls `handler` for each request until tow_server_stop(). The request is the handler's until it
 *  returns, and not to be freed; one that it leaves unanswered is failed. */
typedef void tow_handler(void* context, tow_request* request);
TOW_API tow_code tow_server_run(tow_server* server, tow_handler* handler, void* context);
/** Ends tow_server_run(). From any thread, and from a signal handler. */
TOW_API void tow_server_stop(tow_server* server);

/** From the next answer on: it waits no longer than that for a client that takes none. Then the
 *  request is given up, as the option says, or with `give_up` false stays unanswered after
 *  TOW_TIMED_OUT, so that the same answer can be tried again. For who waits in pieces. */
TOW_API void tow_server_wait_for_client(tow_server* server, int64_t timeout_ns, bool give_up);

/** A place for one request, used again. One that ends unanswered is failed. */
TOW_API TOW_CHECK tow_code tow_request_new(tow_request** request);
TOW_API void tow_request_free(tow_request* request);
TOW_API tow_code tow_server_take(tow_server* server, int64_t timeout_ns, tow_request* request);
/** What it carries; part of the request. */
TOW_API const tow_message* tow_request_message(const tow_request* request);
TOW_API uint32_t tow_request_attempts(const tow_request* request);
TOW_API bool tow_request_redelivered(const tow_request* request);
TOW_API bool tow_request_answered(const tow_request* request);
TOW_API bool tow_request_cancelled(const tow_request* request);
/** The reply, or the last of a stream. */
TOW_API tow_code tow_request_reply(tow_request* request, const void* data, size_t bytes,
                                   const tow_attributes* attributes);
/** One of a stream of replies. */
TOW_API tow_code tow_request_reply_part(tow_request* request, const void* data, size_t bytes);
/** Ends a stream. */
TOW_API tow_code tow_request_finish(tow_request* request);
/** The caller gets TOW_REQUEST_FAILED with this text and number. */
TOW_API tow_code tow_request_fail(tow_request* request, const char* text, int32_t number);

/* ---- information ----------------------------------------------------------------------------- */

typedef struct tow_publisher_info {
  uint32_t lane;
  const tow_process_info* process;
  uint64_t published, adoptions;
} tow_publisher_info;

typedef struct tow_subscriber_info {
  uint32_t number;
  const tow_process_info* process;
  bool lossy, evicted;
  uint64_t cursor, lag, max_lag, received, gaps, lost;
  uint32_t held;
  uint64_t latency_samples;
  double p50_ns, p99_ns, p999_ns; /**< from commit to take; 0 without samples */
} tow_subscriber_info;

typedef struct tow_consumer_info {
  uint32_t number;
  const tow_process_info* process;
  uint32_t leased, started;
  uint64_t taken, acked;
} tow_consumer_info;

typedef struct tow_group_info {
  const char* name;
  const tow_group_options* options; /**< without `start` and `create`; texts never null */
  bool paused;
  uint64_t low, last, lag;
  uint64_t ready, leased, started, delayed, dead, settling;
  int64_t oldest_age_ns;
  uint64_t retried, returned, expired, dropped, gave_up, lost, filtered, seeks;
  const char* left_dead;
  size_t consumer_count;
  const tow_consumer_info* const* consumers;
} tow_group_info;
TOW_API TOW_CHECK tow_code tow_group_info_get(const tow_group* group, const tow_group_info** info);
TOW_API void tow_group_info_free(const tow_group_info* info);

typedef struct tow_topic_info {
  const char* name;
  tow_publishers publishers_kind;
  uint64_t asked_depth, slot_count, lane_slot_count;
  uint32_t slot_bytes;
  uint64_t max_message_bytes, pool_bytes;
  uint32_t max_publishers, max_subscribers;
  tow_stamps stamps;
  bool huge_pages;
  const char* type_name;
  uint32_t type_bytes;
  bool removed;
  uint64_t oldest, last, dropped, file_bytes;
  size_t publisher_count;
  const tow_publisher_info* const* publishers;
  size_t subscriber_count;
  const tow_subscriber_info* const* subscribers;
  size_t group_count;
  const tow_group_info* const* groups;
} tow_topic_info;
TOW_API TOW_CHECK tow_code tow_topic_info_get(const tow_topic* topic, const tow_topic_info** info);
TOW_API void tow_topic_info_free(const tow_topic_info* info);

#ifdef __cplusplus
}
#endif
#endif
