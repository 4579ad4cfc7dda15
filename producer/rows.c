#include "producer/rows_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "producer/idset.h"
#include "producer/row_task.h"

#define BATCH 50
/* A row that comes free again so soon after we had it (refused, or a verdict of the machinery) waits. */
#define AGAIN_MS 300000

static void refuse(struct rows *rows, int64_t id, const char *application, const struct err *why)
{
    struct err ignored = ERR_INIT;
    rows->refused_count++;
    (void)row_ids_add(&rows->given_back, id, &ignored);
    (void)fprintf(stderr, "assay-producer: reconstruction %lld (application '%s') is not published: %s\n",
                  (long long)id, application, why->text);
}

/* True for a row to publish: not one that was here a moment ago. */
static bool note_row(struct rows *rows, const char *task_id, struct err *err)
{
    uint64_t *had = NULL;
    uint64_t now = (uint64_t)clock_ms();
    enum idset_added added = idset_add(rows->seen, rows->options.job_id, task_id, now, &had);
    if (added == IDSET_NO_MEMORY)
        return err_set(err, ERR_NO_MEMORY, "no memory for the set of rows");
    if (added == IDSET_PRESENT && (!rows->options.follow || now < *had + AGAIN_MS))
        return false;
    *had = now;
    return true;
}

static int64_t batch_id(const struct rows *rows, int row)
{
    return strtoll(pg_value(rows->batch, row, CLAIM_ID), NULL, 10);
}

static enum source_state take_row(struct rows *rows, struct outgoing *out, struct err *err)
{
    int row = rows->batch_next++;
    int64_t id = batch_id(rows, row);
    char task_id[TEXT_ID_MAX + 1];
    row_task_id(pg_value(rows->batch, row, CLAIM_ID), task_id);
    struct err why = ERR_INIT;
    if (!note_row(rows, task_id, &why)) {
        (void)row_ids_remove(&rows->unsettled, id); /* its lease ends by itself */
    } else if (row_task_compose(rows->tasks, rows->batch, row, rows->options.job_id, out, &why)) {
        rows->handed_out++;
        return SOURCE_TASK;
    } else if (why.code != ERR_NO_MEMORY) {
        (void)row_ids_remove(&rows->unsettled, id);
        refuse(rows, id, pg_value(rows->batch, row, CLAIM_APPLICATION), &why);
        why.code = ERR_NONE;
    }
    if (why.code == ERR_NONE)
        return SOURCE_LATER;
    *err = why;
    return SOURCE_FAILED;
}

static void drop_batch(struct rows *rows)
{
    for (; rows->batch != NULL && rows->batch_next < pg_rows(rows->batch); rows->batch_next++)
        (void)row_ids_remove(&rows->unsettled, batch_id(rows, rows->batch_next));
    pg_result_free(rows->batch);
    rows->batch = NULL;
}

/* The next row of the batch that becomes a task; SOURCE_LATER when the batch is used up, or so old (the
 * database was away) that its rows may be another producer's by now. */
static enum source_state take_from_batch(struct rows *rows, struct outgoing *out, struct err *err)
{
    while (rows->batch != NULL && rows->batch_next < pg_rows(rows->batch) &&
           clock_ms() < rows->leased_until_ms) {
        enum source_state state = take_row(rows, out, err);
        if (state != SOURCE_LATER)
            return state;
    }
    drop_batch(rows);
    return SOURCE_LATER;
}

/* Claims the next batch. Without free rows the batch stays NULL. */
static bool take_batch(struct rows *rows, int64_t limit, struct err *err)
{
    int64_t until_ms = clock_ms() + rows->claims.claim_lease_s * 1000;
    rows->batch = claims_take(rows->pg, &rows->claims, limit, err);
    rows->batch_next = 0;
    if (rows->batch == NULL)
        return false;
    rows->leased_until_ms = until_ms;
    for (int row = 0; row < pg_rows(rows->batch); row++) {
        if (!row_ids_add(&rows->unsettled, batch_id(rows, row), err))
            return false;
    }
    if (pg_rows(rows->batch) == 0)
        drop_batch(rows);
    return true;
}

static enum source_state wait_for_rows(struct rows *rows)
{
    if (!rows->options.follow)
        return SOURCE_END;
    rows->idle = true;
    loop_timer_set(rows->retry_timer, clock_ms() + rows->options.config->poll_s * 1000);
    return SOURCE_LATER;
}

static int64_t batch_size(const struct rows *rows)
{
    int64_t left = rows->options.limit - rows->handed_out;
    return rows->options.limit > 0 && left < BATCH ? left : BATCH;
}

static enum source_state next(void *context, struct outgoing *out, struct err *err)
{
    struct rows *rows = context;
    for (;;) {
        enum source_state state = take_from_batch(rows, out, err);
        if (state != SOURCE_LATER)
            return state;
        if (rows->pg != NULL && rows->idle)
            rows_take_notifications(rows);
        if (rows->pg == NULL || rows->idle)
            return SOURCE_LATER; /* the timer connects or asks again, and wakes the loop by that */
        int64_t limit = batch_size(rows);
        if (limit == 0)
            return SOURCE_END;
        struct err why = ERR_INIT;
        if (!take_batch(rows, limit, &why)) {
            if (rows_is_gone(rows, &why)) {
                rows_lose_database(rows, &why);
                return SOURCE_LATER;
            }
            *err = why;
            (void)err_wrap(err, "claim rows of reconstructions");
            return SOURCE_FAILED;
        }
        if (rows->batch == NULL)
            return wait_for_rows(rows);
    }
}

struct rows *rows_open(const struct rows_options *options, struct err *err)
{
    struct rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL) {
        err_set(err, ERR_NO_MEMORY, "no memory");
        return NULL;
    }
    char host[64] = "host";
    char random[17];
    (void)gethostname(host, sizeof host - 1);
    text_random_hex(random, 8);
    (void)snprintf(rows->owner, sizeof rows->owner, "%s/%ld/%s", host, (long)getpid(), random);
    rows->options = *options;
    rows->claims = (struct claims_settings){rows->owner, options->job_id, options->config->claim_lease_s,
                                            options->config->published_lease_s};
    rows->backoff = (struct backoff)BACKOFF_INIT;
    rows->seen = idset_new();
    bool good = rows->seen != NULL;
    if (!good)
        err_set(err, ERR_NO_MEMORY, "no memory");
    good = good && (rows->tasks = row_task_new(options->config, err)) != NULL && rows_connect(rows, err);
    if (!good) {
        rows_close(rows);
        return NULL;
    }
    return rows;
}

bool rows_source(struct rows *rows, struct dispatch *dispatch, struct source *source, struct err *err)
{
    struct loop *loop = dispatch_loop(dispatch);
    rows->dispatch = dispatch;
    rows->retry_timer = loop_timer_new(loop, rows_on_retry, rows);
    rows->renew_timer = loop_timer_new(loop, rows_on_renew, rows);
    rows->flush_timer = loop_timer_new(loop, rows_on_flush, rows);
    if (rows->retry_timer == NULL || rows->renew_timer == NULL || rows->flush_timer == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for timers");
    rows_set_patience(rows);
    loop_timer_set(rows->renew_timer, clock_ms() + rows->claims.claim_lease_s * 1000 / 3);
    if (rows->options.follow && !rows_listen(rows, err))
        return false;
    *source = (struct source){.context = rows, .next = next, .settled = rows_on_settled};
    return true;
}

static bool write_end(struct rows *rows, struct err *err)
{
    return (rows->pg != NULL || rows_connect(rows, err)) && rows_flush(rows, err) &&
           claims_release(rows->pg, &rows->claims, &rows->given_back, err) &&
           claims_release(rows->pg, &rows->claims, &rows->unsettled, err);
}

bool rows_finish(struct rows *rows, bool hurry, struct err *err)
{
    struct err first = ERR_INIT;
    rows->hurry = hurry;
    if (rows->pg != NULL)
        rows_set_patience(rows);
    if (write_end(rows, &first))
        return true;
    rows_disconnect(rows); /* the connection may have died unseen: once more on a new one */
    return write_end(rows, err);
}

bool rows_connected(const struct rows *rows)
{
    return rows->pg != NULL;
}

int64_t rows_refused(const struct rows *rows)
{
    return rows->refused_count;
}

int64_t rows_standing(struct rows *rows)
{
    int64_t count = 0;
    struct err ignored = ERR_INIT;
    if (rows->pg == NULL || !claims_count_standing(rows->pg, &rows->claims, &count, &ignored))
        return 0;
    return count;
}

void rows_close(struct rows *rows)
{
    if (rows == NULL)
        return;
    loop_timer_free(rows->retry_timer);
    loop_timer_free(rows->renew_timer);
    loop_timer_free(rows->flush_timer);
    rows_disconnect(rows);
    drop_batch(rows);
    row_ids_free(&rows->unsettled);
    row_ids_free(&rows->published);
    row_ids_free(&rows->given_back);
    row_task_free(rows->tasks);
    idset_free(rows->seen);
    free(rows);
}
