#include "collector/store.h"

#include <limits.h>
#include <stdlib.h>

#include "collector/bisect.h"
#include "collector/memory.h"
#include "collector/statements.h"
#include "common/clock.h"
#include "common/log.h"

/* Batches on their way: one that the database works on, and one that waits ready behind it, so that the
 * database does not wait while its arrays are made. */
#define FLIGHTS 2

struct flight {
    struct store *store;
    /* The rows to store come first, their duplicates behind them. */
    struct item **items;
    const struct row **rows;
    size_t count, chosen;
    bool refused; /* some row of it was */
    struct bisect bisect;
    struct bisect_range range;
    int64_t sent_ms;
};

struct store {
    struct database *database;
    struct store_callbacks callbacks;
    struct stats *stats;
    char *sql;
    struct batch batch; /* of what waits */
    struct item *head, *tail;
    struct flight flights[FLIGHTS];
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
    for (size_t i = 0; i < FLIGHTS; i++)
        store->flights[i] = (struct flight){.store = store,
                                            .items = memory_take(limits->rows * sizeof(struct item *)),
                                            .rows = memory_take(limits->rows * sizeof(struct row *))};
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    store_drop(store);
    for (size_t i = 0; i < FLIGHTS; i++) {
        struct flight *flight = &store->flights[i];
        for (size_t j = 0; j < flight->count; j++)
            item_free(flight->items[j]);
        free(flight->items);
        free(flight->rows);
    }
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
    size_t held = store->batch.rows;
    for (size_t i = 0; i < FLIGHTS; i++)
        held += store->flights[i].count;
    return held;
}

static struct flight *free_flight(const struct store *store)
{
    for (size_t i = 0; i < FLIGHTS; i++)
        if (store->flights[i].count == 0)
            return (struct flight *)&store->flights[i];
    return NULL;
}

int64_t store_deadline_ms(const struct store *store)
{
    return free_flight(store) != NULL ? batch_deadline_ms(&store->batch) : INT64_MAX;
}

/* Moves the oldest items, up to the limits, into a batch that goes to the database. */
static void take_batch(struct flight *flight, int64_t now_ms)
{
    struct store *store = flight->store;
    size_t bytes = 0;
    while (store->head != NULL && flight->count < store->batch.limits.rows &&
           (flight->count == 0 || bytes < store->batch.limits.bytes)) {
        struct item *item = store->head;
        store->head = item->next;
        if (store->head == NULL)
            store->tail = NULL;
        item->next = NULL;
        bytes += item_bytes(item);
        flight->rows[flight->count] = item->row;
        flight->items[flight->count++] = item;
    }
    batch_take(&store->batch, flight->count, bytes, now_ms);
    flight->refused = false;
    flight->chosen = row_choose(flight->rows, (void **)flight->items, flight->count);
    bisect_start(&flight->bisect, flight->chosen);
    store->stats->batches++;
    store->stats->duplicates += (int64_t)(flight->count - flight->chosen);
}

static void on_done(void *context, const struct pg_result *result, const struct database_refusal *refusal);

static void send_range(struct flight *flight)
{
    char *params[ROW_COLUMN_COUNT];
    int sizes[ROW_COLUMN_COUNT];
    for (size_t i = 0; i < ROW_COLUMN_COUNT; i++) {
        autobuf struct buf array = BUF_LIMIT(INT_MAX);
        row_append_array(flight->rows + flight->range.first, flight->range.count, (enum row_column)i, &array);
        sizes[i] = (int)array.size;
        params[i] = memory_steal(&array);
    }
    flight->sent_ms = clock_ms();
    database_submit_binary(flight->store->database, flight->store->sql, ROW_COLUMN_COUNT, params, sizes,
                           on_done, flight);
}

/* The next part of the batch, or its end. Duplicates are stored with it, since their own row is in it; where
 * a row was refused, theirs may be the better one: they have a batch of their own then. */
static void go_on(struct flight *flight)
{
    struct store *store = flight->store;
    if (bisect_next(&flight->bisect, &flight->range)) {
        send_range(flight);
        return;
    }
    size_t count = flight->count;
    size_t chosen = flight->chosen;
    flight->count = 0;
    flight->chosen = 0;
    bool again = flight->refused;
    for (size_t i = chosen; i < count; i++) {
        struct item *item = flight->items[i];
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

static void count_stored(const struct flight *flight, const struct pg_result *result)
{
    struct stats *stats = flight->store->stats;
    int64_t inserted = number_at(result, 0);
    int64_t replaced = number_at(result, 1);
    stats->inserted += inserted;
    stats->replaced += replaced;
    stats->duplicates += (int64_t)flight->range.count - inserted - replaced;
    histogram_add(&stats->commit, clock_ms() - flight->sent_ms);
    const char *unknown = pg_value(result, 0, 2);
    if (unknown != NULL)
        log_warn("verdicts name reconstructions that do not exist, and were stored without them: %.500s",
                 unknown);
}

/* What waited behind `flight` is with the database only now. */
static void restart_clock(const struct flight *flight)
{
    for (size_t i = 0; i < FLIGHTS; i++) {
        struct flight *other = &flight->store->flights[i];
        if (other != flight && other->count > 0)
            other->sent_ms = clock_ms();
    }
}

static void on_done(void *context, const struct pg_result *result, const struct database_refusal *refusal)
{
    struct flight *flight = context;
    struct store *store = flight->store;
    struct bisect_range range = flight->range;
    if (refusal == NULL) {
        count_stored(flight, result);
        for (size_t i = range.first; i < range.first + range.count; i++) {
            struct item *item = flight->items[i];
            flight->items[i] = NULL;
            stats_store(store->stats, item->row);
            store->callbacks.stored(store->callbacks.context, item);
        }
    } else if (bisect_refused(&flight->bisect, range)) {
        struct item *item = flight->items[range.first];
        flight->items[range.first] = NULL;
        flight->refused = true;
        store->stats->refused++;
        store->callbacks.refused(store->callbacks.context, item, refusal);
    }
    restart_clock(flight);
    go_on(flight);
}

void store_step(struct store *store, int64_t now_ms, bool flush)
{
    struct flight *flight;
    while ((flight = free_flight(store)) != NULL && store->batch.rows > 0 &&
           (flush || batch_is_due(&store->batch, now_ms))) {
        take_batch(flight, now_ms);
        go_on(flight);
    }
}
