/*
 * Messages that the collector publishes, each until the broker has confirmed it. What the broker refuses
 * (nack: a full queue) or cannot route is sent again after a second.
 */
#ifndef ASSAY_COLLECTOR_OUTBOX_H
#define ASSAY_COLLECTOR_OUTBOX_H

#include "common/broker.h"
#include "common/err.h"

struct outbox;

/* Called once. `confirmed` false: the connection was lost before the confirm came. */
typedef void outbox_done_fn(void *context, bool confirmed);

struct outbox *outbox_new(void);
void outbox_free(struct outbox *outbox); /* after outbox_drop; NULL is fine */

/* Everything that `message` points to must live until `done`. `routed`: a message without a queue counts as
 * refused. */
void outbox_post(struct outbox *outbox, const struct broker_message *message, bool routed,
                 outbox_done_fn *done, void *context);
/* Publishes what waits; false when the connection failed. `broker` NULL: nothing. */
bool outbox_step(struct outbox *outbox, struct broker *broker, int64_t now_ms, struct err *err);
/* When outbox_step wants to be called next; INT64_MAX: not because of time. */
int64_t outbox_deadline_ms(const struct outbox *outbox);

void outbox_confirm(struct outbox *outbox, uint64_t sequence, bool multiple, bool accepted, int64_t now_ms);
void outbox_return(struct outbox *outbox, const struct broker_message *message, const char *why);
void outbox_block(struct outbox *outbox, bool blocked);
/* The connection is gone: all end unconfirmed. */
void outbox_drop(struct outbox *outbox);
size_t outbox_held(const struct outbox *outbox);
/* The lowest sequence number that is published and unconfirmed; 0 = none. */
uint64_t outbox_oldest_unconfirmed(const struct outbox *outbox);

#endif
