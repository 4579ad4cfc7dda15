/*
 * Publishing with confirms, over a connection that comes back. Each message is kept until the broker has
 * confirmed it; after a loss what is unconfirmed is sent again. At most `publish.window` messages are out.
 *
 * The caller runs the loop and calls publisher_flush after each round of events (loop_set_prepare).
 */
#ifndef ASSAY_PRODUCER_PUBLISHER_H
#define ASSAY_PRODUCER_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/broker.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/text.h"
#include "producer/config.h"

struct publisher;

/* One message on its way. Made by publication_new, handed to publisher_send, given back to on_settled. */
struct publication;

struct publication_fields {
    const char *exchange; /* a constant */
    const char *type;     /* a constant */
    const char *routing_key;
    const char *message_id; /* task_id; NULL for job messages */
    const char *job_id;
    char *body; /* malloc'ed: taken over, also on failure */
    size_t body_size;
    uint64_t tag; /* the caller's */
};

enum publication_fate {
    PUBLICATION_CONFIRMED,
    PUBLICATION_RETURNED, /* mandatory, and no queue is bound for its routing key */
};

struct publisher_callbacks {
    void *context;
    /* Borrowed for the call. */
    void (*on_settled)(void *context, const struct publication *publication, enum publication_fate fate);
};

const char *publication_job_id(const struct publication *publication);
const char *publication_message_id(const struct publication *publication); /* "" for job messages */
const char *publication_routing_key(const struct publication *publication);
uint64_t publication_tag(const struct publication *publication);
bool publication_is_task(const struct publication *publication);

struct publisher *publisher_new(struct loop *loop, const struct producer_config *config,
                                const struct publisher_callbacks *callbacks, struct err *err);
/* The first attempt, whose failure is final; later losses are repaired in the background. */
bool publisher_connect(struct publisher *publisher, struct err *err);
void publisher_free(struct publisher *publisher); /* drops what is unconfirmed; NULL is fine */

bool publisher_has_room(struct publisher *publisher);
bool publisher_send(struct publisher *publisher, const struct publication_fields *fields, struct err *err);
/* Sends what may be sent now, and sets a timer for what has to wait. */
void publisher_flush(struct publisher *publisher);
/* Nothing is unconfirmed. */
bool publisher_is_idle(const struct publisher *publisher);
size_t publisher_unconfirmed(const struct publisher *publisher);
/* Why nothing moves at the moment ("reconnecting: ...", "the broker blocks: ..."), or NULL. Valid until the
 * next round. */
const char *publisher_stalled(const struct publisher *publisher);
/* The broker refuses us for good (missing exchange, no permission, three times in a row): true with the
 * reason.
 */
bool publisher_failed(const struct publisher *publisher, struct err *err);
/* The live connection, or NULL: for asking about queues. */
struct broker *publisher_broker(struct publisher *publisher);

#endif
