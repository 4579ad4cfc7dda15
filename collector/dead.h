/*
 * Dead messages end their story here.
 *
 * A dead task: kept in dead_letters, its verdict error/undeliverable stored, that verdict published to those
 * who wait (assay.results and reply_to), and only then acknowledged. A dead result: kept, and a stub row
 * error/infra stored in its place, so that its job completes. Every step may happen twice (a collector killed
 * between two of them) without harm. What dead_letters refuses is kept without its headers and properties;
 * what it refuses even so stays unacknowledged and is tried again.
 */
#ifndef ASSAY_COLLECTOR_DEAD_H
#define ASSAY_COLLECTOR_DEAD_H

#include "collector/database.h"
#include "collector/item.h"
#include "collector/outbox.h"
#include "collector/stats.h"
#include "common/replies.h"

struct dead;

struct dead_parts {
    struct database *database;
    struct outbox *outbox;
    struct replies *replies; /* NULL: none */
    struct stats *stats;
    void *context;
    void (*store)(void *context, struct item *item); /* put its row into a batch; dead_stored follows */
    void (*finish)(void *context, struct item *item, bool acknowledge); /* the end of the item */
};

struct dead *dead_new(const struct dead_parts *parts);
void dead_free(struct dead *dead);
/* Takes over a delivery of a dead queue. */
void dead_take(struct dead *dead, struct item *item);
/* Tries again what dead_letters refused: such a message is never acknowledged before it is kept. */
void dead_step(struct dead *dead, int64_t now_ms);
int64_t dead_deadline_ms(const struct dead *dead); /* of the next step that does something; INT64_MAX: none */
/* The channel is gone: what waits to be tried again comes again. */
void dead_drop(struct dead *dead);
/* The row of such an item is committed (or refused: then there is nothing better to store). */
void dead_stored(struct dead *dead, struct item *item);
/* A live message that cannot be stored: published to the dead results with the reason in its headers,
 * confirmed, then finished. `sqlstate` "" when it was not the database that refused it. */
void dead_refuse(struct dead *dead, struct item *item, const char *sqlstate, const char *message);

#endif
