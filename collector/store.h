/*
 * Stores verdicts in batches: collects items, sends what is due as one statement, and finds the row that the
 * database refuses (bisect.h) while the rest commits. One batch is with the database at a time; the next one
 * is made ready behind it, and others fill meanwhile, up to the prefetch.
 */
#ifndef ASSAY_COLLECTOR_STORE_H
#define ASSAY_COLLECTOR_STORE_H

#include "collector/batch.h"
#include "collector/database.h"
#include "collector/item.h"
#include "collector/stats.h"

struct store;

/* Each item ends in exactly one of them, and is the callback's then. */
struct store_callbacks {
    void *context;
    void (*stored)(void *context, struct item *item); /* committed, or an earlier verdict stands */
    void (*refused)(void *context, struct item *item, const struct database_refusal *refusal);
};

struct store *store_new(struct database *database, const struct batch_limits *limits,
                        const struct store_callbacks *callbacks, struct stats *stats);
void store_free(struct store *store); /* with what it holds; NULL is fine */

/* Takes over an item with its row. */
void store_add(struct store *store, struct item *item, int64_t now_ms);
/* Sends what is due; with `flush` whatever there is. */
void store_step(struct store *store, int64_t now_ms, bool flush);
/* When store_step wants to be called next; INT64_MAX: not because of time. */
int64_t store_deadline_ms(const struct store *store);
/* Forgets what is not with the database yet: the broker delivers it again. */
void store_drop(struct store *store);
/* Items held. */
size_t store_held(const struct store *store);

#endif
