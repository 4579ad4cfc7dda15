/*
 * Answers to reply_to, over a connection and a broker user of their own: the user can write to the default
 * exchange, which reaches every queue, and a hostile reply_to can cost the connection. A reply is sent after
 * the result itself was confirmed, never mandatory; its errors are ignored (a debug line). While the
 * connection is down or blocked some replies wait, the oldest are dropped first.
 */
#ifndef ASSAY_COMMON_REPLIES_H
#define ASSAY_COMMON_REPLIES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/loop.h"

#define REPLIES_PENDING_MAX       256
#define REPLIES_PENDING_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct replies;

struct reply {
    const char *reply_to;       /* checked here (reply_to.h) */
    const char *correlation_id; /* NULL = none */
    const char *message_id;
    const void *body;
    size_t body_size;
};

/* `program` and `name` ("assay-worker", "host-1"; `program` must live on) are what the broker shows. `url` ""
 * = replies are off: `*replies` is NULL, which every function takes. */
bool replies_open(struct replies **replies, struct loop *loop, const char *url, const char *program,
                  const char *name, int heartbeat_s, struct err *err);
void replies_send(struct replies *replies, const struct reply *reply);
/* Sends what waited for the connection; call after each round of events. */
void replies_step(struct replies *replies);
void replies_close(struct replies *replies);

#endif
