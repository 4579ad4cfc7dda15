#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"
#include "producer/rows_internal.h"
#include "producer/store.h"

#define PUBLISHED_BATCH 200
#define FLUSH_MS        250
/* What the database has for an answer once a signal wants to end us. */
#define HURRY_MS 3000
#define CHANNEL  "assay_reconstructions" /* conf/schema: notified after each insert */

bool rows_is_gone(const struct rows *rows, const struct err *err)
{
    return err->code == ERR_UNREACHABLE || !pg_alive(rows->pg);
}

void rows_disconnect(struct rows *rows)
{
    loop_watch_remove(rows->watch);
    rows->watch = NULL;
    pg_close(rows->pg);
    rows->pg = NULL;
}

void rows_set_patience(struct rows *rows)
{
    if (rows->dispatch != NULL)
        pg_set_hurry(rows->pg, loop_signal_fd(dispatch_loop(rows->dispatch)), HURRY_MS);
    if (rows->hurry)
        pg_set_patience(rows->pg, HURRY_MS);
}

bool rows_connect(struct rows *rows, struct err *err)
{
    rows->pg = store_open(rows->options.config, err);
    if (rows->pg != NULL)
        rows_set_patience(rows);
    return rows->pg != NULL;
}

void rows_lose_database(struct rows *rows, const struct err *why)
{
    if (rows->backoff.attempts == 0)
        log_warn("lost the database: %s; connecting again", why->text);
    rows_disconnect(rows);
    uint32_t random = 0;
    (void)getrandom(&random, sizeof random, GRND_NONBLOCK);
    loop_timer_set(rows->retry_timer, clock_ms() + backoff_next(&rows->backoff, random));
}

/* Any statement may have read notifications from the socket, so they are looked for in each round. */
void rows_take_notifications(struct rows *rows)
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
    rows_take_notifications(rows);
    if (!pg_alive(rows->pg)) {
        struct err why = ERR_INIT;
        err_set(&why, ERR_UNREACHABLE, "the connection ended");
        rows_lose_database(rows, &why);
    }
    /* The round that follows asks for rows. */
}

bool rows_listen(struct rows *rows, struct err *err)
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
    if (!rows_connect(rows, err) || (rows->options.follow && !rows_listen(rows, err)))
        return false;
    log_info("connected to the database again");
    backoff_reset(&rows->backoff);
    return true;
}

void rows_on_retry(void *context)
{
    struct rows *rows = context;
    struct err why = ERR_INIT;
    rows->idle = false;
    if (rows->pg == NULL && !connect_again(rows, &why))
        rows_lose_database(rows, &why);
}

bool rows_flush(struct rows *rows, struct err *err)
{
    if (!claims_published(rows->pg, &rows->claims, &rows->published, err))
        return false;
    rows->published.count = 0;
    return true;
}

void rows_on_flush(void *context)
{
    struct rows *rows = context;
    struct err why = ERR_INIT;
    if (rows->pg != NULL && !rows_flush(rows, &why)) {
        if (rows_is_gone(rows, &why))
            rows_lose_database(rows, &why);
        else
            log_error("note published rows: %s", why.text);
    }
    if (rows->published.count > 0)
        loop_timer_set(rows->flush_timer, clock_ms() + 1000);
}

void rows_on_renew(void *context)
{
    struct rows *rows = context;
    struct err why = ERR_INIT;
    loop_timer_set(rows->renew_timer, clock_ms() + rows->claims.claim_lease_s * 1000 / 3);
    if (rows->pg == NULL)
        return;
    int64_t until_ms = clock_ms() + rows->claims.claim_lease_s * 1000;
    if (claims_renew(rows->pg, &rows->claims, &rows->unsettled, &why))
        rows->leased_until_ms = until_ms;
    else if (rows_is_gone(rows, &why))
        rows_lose_database(rows, &why);
    else
        log_error("renew claims: %s", why.text);
}

void rows_on_settled(void *context, struct dispatch *dispatch, const char *job_id, const char *task_id,
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
