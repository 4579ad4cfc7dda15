#include "collector/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/memory.h"
#include "collector/statements.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/message/job.h"
#include "common/message/names.h"

#define CANCELS_WAITING_MAX 10000

struct jobs {
    struct jobs_parts parts;
    size_t cancels_waiting; /* for the database */
    bool telling;           /* the question for the live cancels is with the database */
    bool tell_again;        /* another worker came meanwhile */
};

struct jobs *jobs_new(const struct jobs_parts *parts)
{
    struct jobs *jobs = memory_take(sizeof(*jobs));
    jobs->parts = *parts;
    return jobs;
}

void jobs_free(struct jobs *jobs)
{
    free(jobs);
}

/* --- announcements --- */

static void on_announced(void *context, const struct pg_result *result,
                         const struct database_refusal *refusal)
{
    (void)result;
    struct item *item = context;
    struct jobs *jobs = item->owner;
    if (refusal != NULL) {
        jobs->parts.refuse(jobs->parts.context, item, refusal->sqlstate, refusal->message);
        return;
    }
    jobs->parts.stats->jobs++;
    jobs->parts.finish(jobs->parts.context, item, true);
}

void jobs_announce(struct jobs *jobs, struct item *item)
{
    struct job_message message;
    struct err err = ERR_INIT;
    item->owner = jobs;
    if (!job_message_parse(item->delivery.message.body, item->delivery.message.body_size, &message, &err)) {
        jobs->parts.stats->unreadable++;
        err_wrap(&err, "job message");
        jobs->parts.refuse(jobs->parts.context, item, "", err.text);
        return;
    }
    autobuf struct buf total = BUF_INIT;
    autobuf struct buf labels = BUF_INIT;
    buf_printf(&total, "%lld", (long long)message.total);
    job_labels_to_json(&message, &labels);
    (void)snprintf(item->job_id, sizeof(item->job_id), "%s", message.job_id);
    char *params[] = {memory_text(message.job_id), memory_text(message.part), memory_steal(&total),
                      memory_steal(&labels)};
    job_message_free(&message);
    database_submit(jobs->parts.database, statement_announce_job, ARRAY_SIZE(params), params, on_announced,
                    item);
}

/* --- cancels --- */

static void on_cancelled(void *context, const struct pg_result *result,
                         const struct database_refusal *refusal)
{
    struct jobs *jobs = context;
    jobs->cancels_waiting--;
    if (refusal != NULL)
        log_error("a cancel could not be recorded: %s", refusal->message);
    else if (pg_affected(result) > 0)
        jobs->parts.stats->cancels++;
}

void jobs_control(struct jobs *jobs, const char *body, size_t size)
{
    struct control_message message;
    struct err err = ERR_INIT;
    if (!control_message_parse(body, size, &message, &err)) {
        log_warn("a control message cannot be read: %s", err.text);
        return;
    }
    if (jobs->cancels_waiting >= CANCELS_WAITING_MAX) {
        log_error("cancel of job %s was not recorded: %d others wait for the database", message.cancel_job_id,
                  CANCELS_WAITING_MAX);
        return;
    }
    char *params[] = {memory_text(message.cancel_job_id)};
    jobs->cancels_waiting++;
    database_submit(jobs->parts.database, statement_cancel_job, ARRAY_SIZE(params), params, on_cancelled,
                    jobs);
}

static void on_told(void *context, bool confirmed)
{
    (void)confirmed; /* a worker that comes later has another chance */
    free(context);
}

static void tell(struct jobs *jobs, const char *job_id)
{
    struct control_message message = {0};
    autobuf struct buf json = BUF_INIT;
    (void)snprintf(message.cancel_job_id, sizeof(message.cancel_job_id), "%s", job_id);
    control_message_to_json(&message, &json);
    size_t size = json.size;
    char *body = memory_steal(&json);
    struct broker_message out = {.exchange = EXCHANGE_CONTROL,
                                 .routing_key = "",
                                 .body = body,
                                 .body_size = size,
                                 .content_type = CONTENT_TYPE_JSON,
                                 .type = TYPE_CONTROL,
                                 .app_id = "assay-collector"};
    outbox_post(jobs->parts.outbox, &out, false, on_told, body);
}

static void on_live_cancels(void *context, const struct pg_result *result,
                            const struct database_refusal *refusal)
{
    struct jobs *jobs = context;
    jobs->telling = false;
    if (refusal != NULL)
        log_error("the live cancels could not be read: %s", refusal->message);
    for (int i = 0; refusal == NULL && i < pg_rows(result); i++)
        tell(jobs, pg_value(result, i, 0));
    if (jobs->tell_again) {
        jobs->tell_again = false;
        jobs_tell_cancels(jobs);
    }
}

void jobs_tell_cancels(struct jobs *jobs)
{
    if (jobs->telling) {
        jobs->tell_again = true;
        return;
    }
    jobs->telling = true;
    database_submit(jobs->parts.database, statement_live_cancels, 0, NULL, on_live_cancels, jobs);
}
