/*
 * What the files of rows share.
 *
 *   rows.c        the source: batches of claimed rows become tasks
 *   rows_store.c  the database: the connection, its loss and return, notifications, what is noted and renewed
 */
#ifndef ASSAY_PRODUCER_ROWS_INTERNAL_H
#define ASSAY_PRODUCER_ROWS_INTERNAL_H

#include "common/backoff.h"
#include "common/pg.h"
#include "producer/claims.h"
#include "producer/rows.h"

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

bool rows_connect(struct rows *rows, struct err *err);
void rows_disconnect(struct rows *rows);
/* To the connection as it is: how long a statement may take once a signal wants to end us. */
void rows_set_patience(struct rows *rows);
/* Was this failure the loss of the connection? */
bool rows_is_gone(const struct rows *rows, const struct err *err);
/* Everything that needs the database waits for the timer. */
void rows_lose_database(struct rows *rows, const struct err *why);

/* Asks to be told of new rows. */
bool rows_listen(struct rows *rows, struct err *err);
void rows_take_notifications(struct rows *rows);

/* Notes confirmed rows. A failure keeps them for the next time. */
bool rows_flush(struct rows *rows, struct err *err);
/* The source's `settled` (source.h). */
void rows_on_settled(void *context, struct dispatch *dispatch, const char *job_id, const char *task_id,
                     uint64_t tag, bool confirmed);

/* The timers' callbacks. */
void rows_on_retry(void *context);
void rows_on_renew(void *context);
void rows_on_flush(void *context);

#endif
