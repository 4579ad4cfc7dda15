#include "collector/store.h"

#include <stdlib.h>

#include "collector/bisect.h"
#include "collector/memory.h"
#include "collector/statements.h"
#include "common/clock.h"
#include "common/log.h"

struct store {
    struct database *database;
    struct store_callbacks callbacks;
    struct stats *stats;
    char *sql;
    struct batch batch; /* of what waits */
    struct item *head, *tail;
    /* The batch that is with the database; the rows to store come first, their duplicates behind them. */
    struct item **items;
    const struct row **rows;
    size_t count, chosen;
    bool refused; /* some row of it was */
    struct bisect bisect;
    struct bisect_range range;
    int64_t sent_ms;
};

struct store *store_new(struct database *database, const struct batch_limits *limits,
                        const struct store_callbacks *callbacks, struct stats *stats)
{
    struct store *store = memory_take(sizeof(*store));
    store->database = database;
    store->callbacks = *callbacks;
    store->stats = stats;
    store->batch.limits = *limits;
    autobuf struct buf sql = BUF_INIT;
    statement_store_results(&sql);
    store->sql = memory_steal(&sql);
    store->items = memory_take(limits->rows * sizeof(struct item *));
    store->rows = memory_take(limits->rows * sizeof(struct row *));
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    store_drop(store);
    for (size_t i = 0; i < store->count; i++)
        item_free(store->items[i]);
    free(store->items);
    free(store->rows);
    free(store->sql);
    free(store);
}

void store_add(struct store *store, struct item *item, int64_t now_ms)
{
    item->next = NULL;
    if (store->tail != NULL)
        store->tail->next = item;
    else
        store->head = item;
    store->tail = item;
    batch_add(&store->batch, item_bytes(item), now_ms);
}

void store_drop(struct store *store)
{
    while (store->head != NULL) {
        struct item *next = store->head->next;
        item_free(store->head);
        store->head = next;
    }
    store->tail = NULL;
    store->batch.rows = 0;
    store->batch.bytes = 0;
}

size_t store_held(const struct store *store)
{
    return store->batch.rows + store->count;
}

int64_t store_deadline_ms(const struct store *store)
{
    return store->count == 0 ? batch_deadline_ms(&store->batch) : INT64_MAX;
}

/* Moves the oldest items, up to the limits, into the batch that goes to the database. */
static void take_batch(struct store *store, int64_t now_ms)
{
    size_t bytes = 0;
    while (store->head != NULL && store->count < store->batch.limits.rows &&
           (store->count == 0 || bytes < store->batch.limits.bytes)) {
        struct item *item = store->head;
        store->head = item->next;
        if (store->head == NULL)
            store->tail = NULL;
        item->next = NULL;
        bytes += item_bytes(item);
        store->rows[store->count] = item->row;
        store->items[store->count++] = item;
    }
    batch_take(&store->batch, store->count, bytes, now_ms);
    store->refused = false;
    store->chosen = row_choose(store->rows, (void **)store->items, store->count);
    bisect_start(&store->bisect, store->chosen);
    store->stats->batches++;
    store->stats->duplicates += (int64_t)(store->count - store->chosen);
}

static void on_done(void *context, const struct pg_result *result, const struct database_refusal *refusal);

static void send_range(struct store *store)
{
    char *params[ROW_COLUMN_COUNT];
    for (size_t i = 0; i < ROW_COLUMN_COUNT; i++) {
        autobuf struct buf array = BUF_INIT;
        row_append_array(store->rows + store->range.first, store->range.count, (enum row_column)i, &array);
        params[i] = memory_steal(&array);
    }
    store->sent_ms = clock_ms();
    database_submit(store->database, store->sql, ROW_COLUMN_COUNT, params, on_done, store);
}

/* The next part of the batch, or its end. Duplicates are stored with it, since their own row is in it; where
 * a row was refused, theirs may be the better one: they have a batch of their own then. */
static void go_on(struct store *store)
{
    if (bisect_next(&store->bisect, &store->range)) {
        send_range(store);
        return;
    }
    size_t count = store->count;
    size_t chosen = store->chosen;
    store->count = 0;
    store->chosen = 0;
    bool again = store->refused;
    for (size_t i = chosen; i < count; i++) {
        struct item *item = store->items[i];
        if (again) {
            store->stats->duplicates--;
            store_add(store, item, clock_ms());
        } else {
            store->callbacks.stored(store->callbacks.context, item);
        }
    }
}

static int64_t number_at(const struct pg_result *result, int column)
{
    const char *text = pg_value(result, 0, column);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

static void count_stored(struct store *store, const struct pg_result *result)
{
    struct stats *stats = store->stats;
    int64_t inserted = number_at(result, 0);
    int64_t replaced = number_at(result, 1);
    stats->inserted += inserted;
    stats->replaced += replaced;
    stats->duplicates += (int64_t)store->range.count - inserted - replaced;
    histogram_add(&stats->commit, clock_ms() - store->sent_ms);
    const char *unknown = pg_value(result, 0, 2);
    if (unknown != NULL)
        log_warn("verdicts name reconstructions that do not exist, and were stored without them: %.500s",
                 unknown);
}

static void on_done(void *context, const struct pg_result *result, const struct database_refusal *refusal)
{
    struct store *store = context;
    struct bisect_range range = store->range;
    if (refusal == NULL) {
        count_stored(store, result);
        for (size_t i = range.first; i < range.first + range.count; i++) {
            struct item *item = store->items[i];
            store->items[i] = NULL;
            stats_store(store->stats, item->row);
            store->callbacks.stored(store->callbacks.context, item);
        }
    } else if (bisect_refused(&store->bisect, range)) {
        struct item *item = store->items[range.first];
        store->items[range.first] = NULL;
        store->refused = true;
        store->stats->refused++;
        store->callbacks.refused(store->callbacks.context, item, refusal);
    }
    go_on(store);
}

void store_step(struct store *store, int64_t now_ms, bool flush)
{
    if (store->count > 0 || store->batch.rows == 0 || (!flush && !batch_is_due(&store->batch, now_ms)))
        return;
    take_batch(store, now_ms);
    go_on(store);
}
