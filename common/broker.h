/*
 * One AMQP 0-9-1 connection with one channel, made for an event loop. librabbitmq is included by
 * common/broker/ alone.
 *
 * After broker_open the caller watches broker_fd for EPOLLIN and calls broker_process then, and at least once
 * a second (heartbeats are sent and checked inside; librabbitmq does neither by itself). broker_process never
 * blocks on the socket: it takes all complete frames and calls the handler. Messages are assembled from
 * frames here, so that a slow peer cannot stall the program in the middle of one.
 *
 * Publishing is in confirm mode (RabbitMQ's publisher confirms): broker_publish returns a sequence number,
 * on_confirm reports it. A channel or connection exception makes the current call fail with the server's text
 * (ERR_PROTOCOL, ERR_DENIED or ERR_UNREACHABLE); the connection is then dead: close it, forget its delivery
 * tags and unconfirmed sequence numbers, open another.
 */
#ifndef ASSAY_COMMON_BROKER_H
#define ASSAY_COMMON_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct broker;

struct broker_header {
    const char *name;
    const char *text; /* NULL: `number` is the value */
    int64_t number;
};

/* Pointers are borrowed: on publish they need to live for the call, in a handler they are valid during the
 * callback only. NULL or 0 = absent. */
struct broker_message {
    const char *exchange;
    const char *routing_key;
    const void *body;
    size_t body_size;
    const char *content_type;
    const char *type;
    const char *message_id;
    const char *correlation_id;
    const char *reply_to;
    const char *app_id;
    int64_t timestamp_s;
    bool persistent;
    const struct broker_header *headers;
    size_t header_count;
};

struct broker_delivery {
    struct broker_message message; /* headers: the scalar ones */
    uint64_t tag;                  /* valid on this connection only */
    const char *consumer_tag;
    bool redelivered;
    int64_t delivery_count; /* x-delivery-count; 0 when absent */
    /* The first x-death entry, where there is one. */
    const char *death_queue;
    const char *death_reason; /* "delivery_limit", "rejected", "expired", "maxlen" */
    int64_t death_count;
    /* Not 0: the body was larger than MESSAGE_SIZE_MAX and is not kept; `message.body` is empty. */
    uint64_t dropped_body_size;
};

struct broker_handler {
    void *context;
    void (*on_delivery)(void *context, const struct broker_delivery *delivery);
    void (*on_confirm)(void *context, uint64_t sequence, bool multiple, bool accepted);
    /* A mandatory message that no queue took (basic.return); its confirm follows as accepted. */
    void (*on_return)(void *context, const struct broker_message *message, int code, const char *text);
    void (*on_consumer_cancelled)(void *context, const char *consumer_tag);
    /* connection.blocked (`reason` set) and unblocked (NULL). Do not publish while blocked: the write would
     * stall. */
    void (*on_blocked)(void *context, const char *reason);
};

struct broker_options {
    /* amqp://user:password@host:port,host:port/vhost, or amqps with ?cacertfile=FILE (common/broker/url.h); a
     * secret: never logged. */
    const char *url;
    unsigned turn; /* which host comes first, modulo their count; the others follow, unless only_one */
    bool only_one;
    const char *connection_name; /* shown by the management UI, e.g. "assay-worker host slots=2" */
    int heartbeat_s;             /* 0 = off; the URL's ?heartbeat= wins */
    int confirm_timeout_s;       /* broker_link.h; 0 = off */
    int connect_timeout_ms;
};

struct broker *broker_open(const struct broker_options *options, const struct broker_handler *handler,
                           struct err *err);
void broker_close(struct broker *broker); /* politely when the connection lives; NULL is fine */
int broker_fd(const struct broker *broker);
bool broker_is_blocked(const struct broker *broker); /* by connection.blocked */

/* Takes what has arrived. False: the connection is dead. Never waits. */
bool broker_process(struct broker *broker, struct err *err);
/* Waits for input up to `timeout_ms`, then broker_process: for programs without a loop. */
bool broker_wait(struct broker *broker, int timeout_ms, struct err *err);

/* Publishes; `*sequence` (may be NULL) is the number that on_confirm will report. */
bool broker_publish(struct broker *broker, const struct broker_message *message, bool mandatory,
                    uint64_t *sequence, struct err *err);
/* While corked, small messages and acknowledgements leave in full packets (tcp(7), TCP_CORK; after 200 ms at
 * the latest): for a burst, which the caller ends by uncorking. */
void broker_cork(struct broker *broker, bool corked);
/* One publisher at a time may ask the channel not to be in confirm mode (the reply connection): before the
 * first publish. */
bool broker_set_unconfirmed(struct broker *broker);

bool broker_set_prefetch(struct broker *broker, uint16_t per_consumer, struct err *err);
/* `consumer_tag` NULL: the server makes one, copied to `tag_out` (may be NULL, else 256 bytes). `no_ack` only
 * for control queues. */
bool broker_consume(struct broker *broker, const char *queue, const char *consumer_tag, bool no_ack,
                    bool exclusive, char *tag_out, struct err *err);
bool broker_cancel(struct broker *broker, const char *consumer_tag, struct err *err);
bool broker_ack(struct broker *broker, uint64_t tag, bool multiple, struct err *err);
bool broker_reject(struct broker *broker, uint64_t tag, bool requeue, struct err *err);

struct broker_queue_options {
    bool durable, exclusive, auto_delete;
    int64_t expires_ms; /* x-expires; 0 = never */
};

/* `queue` "" lets the server name it; the name is copied to `name_out` (256 bytes, may be NULL). */
bool broker_declare_queue(struct broker *broker, const char *queue,
                          const struct broker_queue_options *options, char *name_out, struct err *err);
bool broker_bind_queue(struct broker *broker, const char *queue, const char *exchange,
                       const char *routing_key, struct err *err);
bool broker_delete_queue(struct broker *broker, const char *queue, struct err *err);
/* Asks on a channel of its own, so that a missing queue does not kill the connection. ERR_PROTOCOL with
 * `*exists` false never happens: a missing queue is true with *exists false. */
bool broker_inspect_queue(struct broker *broker, const char *queue, bool *exists, uint32_t *messages,
                          uint32_t *consumers, struct err *err);

#endif
