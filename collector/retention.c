#include "collector/retention.h"

#include <stdlib.h>

#include "collector/memory.h"
#include "collector/statements.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#define FIRST_LOOK_MS 1000
/* Between two batches, so that storing and the rest of the database's users go first. */
#define PAUSE_MS 50

struct retention {
    struct database *database;
    struct stats *stats;
    struct loop_timer *timer;
    int64_t days, batch, interval_ms;
    size_t turn;     /* of statements_cleaning */
    int64_t deleted; /* of this one in this look */
};

static void on_deleted(void *context, const struct pg_result *result, const struct database_refusal *refusal)
{
    struct retention *retention = context;
    int64_t deleted = refusal == NULL ? pg_affected(result) : 0;
    retention->deleted += deleted;
    retention->stats->deleted += deleted;
    const char *what = statements_cleaning[retention->turn].what;
    if (refusal != NULL)
        log_error("old %s could not be deleted: %s", what, refusal->message);
    if (deleted < retention->batch) {
        if (retention->deleted > 0)
            log_info("deleted %lld %s older than %lld days", (long long)retention->deleted, what,
                     (long long)retention->days);
        retention->deleted = 0;
        retention->turn = (retention->turn + 1) % STATEMENTS_CLEANING;
    }
    bool all = deleted < retention->batch && retention->turn == 0;
    loop_timer_set(retention->timer, clock_ms() + (all ? retention->interval_ms : PAUSE_MS));
}

static void on_timer(void *context)
{
    struct retention *retention = context;
    autobuf struct buf days = BUF_INIT;
    autobuf struct buf batch = BUF_INIT;
    buf_printf(&days, "%lld", (long long)retention->days);
    buf_printf(&batch, "%lld", (long long)retention->batch);
    char *params[] = {memory_steal(&days), memory_steal(&batch)};
    database_submit(retention->database, statements_cleaning[retention->turn].sql, ARRAY_SIZE(params), params,
                    on_deleted, retention);
}

struct retention *retention_new(struct loop *loop, struct database *database,
                                const struct collector_config *config, struct stats *stats)
{
    if (config->retention_days == 0)
        return NULL;
    struct retention *retention = memory_take(sizeof(*retention));
    *retention = (struct retention){.database = database,
                                    .stats = stats,
                                    .timer = loop_timer_new(loop, on_timer, retention),
                                    .days = config->retention_days,
                                    .batch = config->retention_batch,
                                    .interval_ms = config->retention_interval_s * 1000};
    loop_timer_set(retention->timer, clock_ms() + FIRST_LOOK_MS);
    return retention;
}

void retention_free(struct retention *retention)
{
    if (retention == NULL)
        return;
    loop_timer_free(retention->timer);
    free(retention);
}
