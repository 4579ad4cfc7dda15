#include "producer/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/message/job.h"
#include "producer/claims.h"
#include "producer/idset.h"
#include "producer/row_task.h"
#include "producer/store.h"

#define BATCH           50
#define PUBLISHED_BATCH 200
#define FLUSH_MS        250
/* A row that comes free again so soon after we had it (refused, or a verdict of the machinery) waits. */
#define AGAIN_MS 300000
/* What the database has for an answer once a signal wants to end us. */
#define HURRY_MS 3000
#define CHANNEL  "assay_reconstructions" /* conf/schema: notified after each insert */

struct rows {
    struct rows_options options;
    struct claims_settings claims;
    char owner[128];
    struct pg *pg; /* NULL while it is away */
    struct row_task *tasks;
    struct idset *seen; /* value = when we had the row, in ms */
    struct pg_result *batch;
    int batch_next;
    int64_t handed_out, refused_count;
    bool idle;                 /* there was no free row: ask again when told, or when the timer says */
    int64_t leased_until_ms;   /* our claims hold until then at least: after it a batch is stale */
    struct row_ids unsettled;  /* claimed, not confirmed, those of the batch too: renewed */
    struct row_ids published;  /* confirmed, not noted yet */
    struct row_ids given_back; /* cannot be published */
    struct dispatch *dispatch;
    struct loop_timer *retry_timer, *renew_timer, *flush_timer;
    struct loop_watch *watch; /* follow: notifications */
    struct backoff backoff;
    bool hurry; /* a signal ended us */
};

static bool is_gone(const struct rows *rows, const struct err *err)
{
    return err->code == ERR_UNREACHABLE || !pg_alive(rows->pg);
}

static void disconnect(struct rows *rows)
{
    loop_watch_remove(rows->watch);
    rows->watch = NULL;
    pg_close(rows->pg);
    rows->pg = NULL;
}

static void set_patience(struct rows *rows)
{
    if (rows->dispatch != NULL)
        pg_set_hurry(rows->pg, loop_signal_fd(dispatch_loop(rows->dispatch)), HURRY_MS);
    if (rows->hurry)
        pg_set_patience(rows->pg, HURRY_MS);
}

static bool connect_store(struct rows *rows, struct err *err)
{
    rows->pg = store_open(rows->options.config, err);
    if (rows->pg != NULL)
        set_patience(rows);
    return rows->pg != NULL;
}

/* The database is away: everything that needs it waits for the timer. */
static void lose_database(struct rows *rows, const struct err *why)
{
    if (rows->backoff.attempts == 0)
        log_warn("lost the database: %s; connecting again", why->text);
    disconnect(rows);
    uint32_t random = 0;
    (void)getrandom(&random, sizeof random, GRND_NONBLOCK);
    loop_timer_set(rows->retry_timer, clock_ms() + backoff_next(&rows->backoff, random));
}

/* Any statement may have read notifications from the socket, so they are looked for in each round. */
static void take_notifications(struct rows *rows)
{
    for (char *channel = NULL; (channel = pg_notification(rows->pg)) != NULL;) {
        free(channel);
        rows->idle = false;
    }
}

static void on_notified(void *context, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    struct rows *rows = context;
    take_notifications(rows);
    if (!pg_alive(rows->pg)) {
        struct err why = ERR_INIT;
        err_set(&why, ERR_UNREACHABLE, "the connection ended");
        lose_database(rows, &why);
    }
    /* The round that follows asks for rows. */
}

static bool listen_for_rows(struct rows *rows, struct err *err)
{
    struct pg_result *result = store_query(rows->pg, "LISTEN " CHANNEL, 0, NULL, err);
    pg_result_free(result);
    if (result == NULL)
        return false;
    rows->watch =
        loop_watch_fd(dispatch_loop(rows->dispatch), pg_fd(rows->pg), EPOLLIN, on_notified, rows, err);
    return rows->watch != NULL;
}

static bool connect_again(struct rows *rows, struct err *err)
{
    if (!connect_store(rows, err) || (rows->options.follow && !listen_for_rows(rows, err)))
        return false;
    log_info("connected to the database again");
    backoff_reset(&rows->backoff);
    return true;
}

static void on_retry(void *context)
{
    struct rows *rows = context;
    struct err why = ERR_INIT;
    rows->idle = false;
    if (rows->pg == NULL && !connect_again(rows, &why))
        lose_database(rows, &why);
}

/* Notes confirmed rows. A failure keeps them for the next time. */
static bool flush_published(struct rows *rows, struct err *err)
{
    if (!claims_published(rows->pg, &rows->claims, &rows->published, err))
        return false;
    rows->published.count = 0;
    return true;
}

static void on_flush(void *context)
{
    struct rows *rows = context;
    struct err why = ERR_INIT;
    if (rows->pg != NULL && !flush_published(rows, &why)) {
        if (is_gone(rows, &why))
            lose_database(rows, &why);
        else
            log_error("note published rows: %s", why.text);
    }
    if (rows->published.count > 0)
        loop_timer_set(rows->flush_timer, clock_ms() + 1000);
}

static void on_renew(void *context)
{
    struct rows *rows = context;
    struct err why = ERR_INIT;
    loop_timer_set(rows->renew_timer, clock_ms() + rows->claims.claim_lease_s * 1000 / 3);
    if (rows->pg == NULL)
        return;
    int64_t until_ms = clock_ms() + rows->claims.claim_lease_s * 1000;
    if (claims_renew(rows->pg, &rows->claims, &rows->unsettled, &why))
        rows->leased_until_ms = until_ms;
    else if (is_gone(rows, &why))
        lose_database(rows, &why);
    else
        log_error("renew claims: %s", why.text);
}

static void on_settled(void *context, struct dispatch *dispatch, const char *job_id, const char *task_id,
                       uint64_t tag, bool confirmed)
{
    struct rows *rows = context;
    struct err why = ERR_INIT;
    int64_t id = (int64_t)tag;
    (void)row_ids_remove(&rows->unsettled, id);
    if (!confirmed) {
        rows->refused_count++;
        (void)row_ids_add(&rows->given_back, id, &why);
        return;
    }
    if (!row_ids_add(&rows->published, id, &why))
        log_error("%s", why.text);
    /* A part of its own for each row: however often a row is published, it counts once in the job's total. */
    struct job_message message = {.total = 1};
    struct job_part part = {.count = 0};
    job_part_add(&part, task_id);
    job_part_hex(&part, message.part);
    (void)snprintf(message.job_id, sizeof message.job_id, "%s", job_id);
    if (!dispatch_announce(dispatch, &message, &why))
        log_error("announce %s: %s", task_id, why.text);
    bool full = rows->published.count >= PUBLISHED_BATCH;
    loop_timer_set(rows->flush_timer, clock_ms() + (full ? 0 : FLUSH_MS));
}

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
            take_notifications(rows);
        if (rows->pg == NULL || rows->idle)
            return SOURCE_LATER; /* the timer connects or asks again, and wakes the loop by that */
        int64_t limit = batch_size(rows);
        if (limit == 0)
            return SOURCE_END;
        struct err why = ERR_INIT;
        if (!take_batch(rows, limit, &why)) {
            if (is_gone(rows, &why)) {
                lose_database(rows, &why);
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
    good = good && (rows->tasks = row_task_new(options->config, err)) != NULL && connect_store(rows, err);
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
    rows->retry_timer = loop_timer_new(loop, on_retry, rows);
    rows->renew_timer = loop_timer_new(loop, on_renew, rows);
    rows->flush_timer = loop_timer_new(loop, on_flush, rows);
    if (rows->retry_timer == NULL || rows->renew_timer == NULL || rows->flush_timer == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for timers");
    set_patience(rows);
    loop_timer_set(rows->renew_timer, clock_ms() + rows->claims.claim_lease_s * 1000 / 3);
    if (rows->options.follow && !listen_for_rows(rows, err))
        return false;
    *source = (struct source){.context = rows, .next = next, .settled = on_settled};
    return true;
}

static bool write_end(struct rows *rows, struct err *err)
{
    return (rows->pg != NULL || connect_store(rows, err)) && flush_published(rows, err) &&
           claims_release(rows->pg, &rows->claims, &rows->given_back, err) &&
           claims_release(rows->pg, &rows->claims, &rows->unsettled, err);
}

bool rows_finish(struct rows *rows, bool hurry, struct err *err)
{
    struct err first = ERR_INIT;
    rows->hurry = hurry;
    if (rows->pg != NULL)
        set_patience(rows);
    if (write_end(rows, &first))
        return true;
    disconnect(rows); /* the connection may have died unseen: once more on a new one */
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
    disconnect(rows);
    drop_batch(rows);
    row_ids_free(&rows->unsettled);
    row_ids_free(&rows->published);
    row_ids_free(&rows->given_back);
    row_task_free(rows->tasks);
    idset_free(rows->seen);
    free(rows);
}
