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

#define ORDERS_WAITING_MAX 10000
#define GREETED_BYTES_MAX  ((size_t)1024 * 1024)

struct jobs {
    struct jobs_parts parts;
    size_t orders_waiting; /* for the database */
    struct buf greeted;    /* the workers who came since the last question, separated by commas */
    char *asking_for;      /* those for whom the question for the orders is with the database; NULL = none */
};

struct jobs *jobs_new(const struct jobs_parts *parts)
{
    struct jobs *jobs = memory_take(sizeof(*jobs));
    jobs->parts = *parts;
    return jobs;
}

void jobs_free(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    buf_free(&jobs->greeted);
    free(jobs->asking_for);
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

static void on_told(void *context, bool confirmed)
{
    (void)confirmed; /* a worker that comes later has another chance */
    free(context);
}

static void tell(struct jobs *jobs, const struct control_message *message)
{
    autobuf struct buf json = BUF_INIT;
    control_message_to_json(message, &json);
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

struct order {
    struct jobs *jobs;
    struct control_message message;
};

/* A lifted cancel is told once more: a worker that said hello just before may have been answered with the
 * cancel. */
static void on_recorded(void *context, const struct pg_result *result, const struct database_refusal *refusal)
{
    struct order *order = context;
    struct jobs *jobs = order->jobs;
    bool resume = order->message.order == CONTROL_RESUME;
    jobs->orders_waiting--;
    if (refusal != NULL)
        log_error("a cancel could not be recorded or lifted: %s", refusal->message);
    else if (pg_affected(result) > 0 && resume)
        tell(jobs, &order->message);
    else if (pg_affected(result) > 0)
        jobs->parts.stats->cancels++;
    free(order);
}

void jobs_control(struct jobs *jobs, const char *body, size_t size)
{
    struct control_message message;
    struct err err = ERR_INIT;
    if (!control_message_parse(body, size, &message, &err)) {
        log_warn("a control message cannot be read: %s", err.text);
        return;
    }
    if (message.order == CONTROL_TOLD) {
        control_message_free(&message); /* for workers */
        return;
    }
    if (jobs->orders_waiting >= ORDERS_WAITING_MAX) {
        log_error("cancel of job %s was not recorded: %d others wait for the database", message.job_id,
                  ORDERS_WAITING_MAX);
        return;
    }
    struct order *order = memory_take(sizeof(*order));
    *order = (struct order){jobs, message};
    char *params[] = {memory_text(message.job_id)};
    jobs->orders_waiting++;
    database_submit(jobs->parts.database,
                    message.order == CONTROL_RESUME ? statement_resume_job : statement_cancel_job,
                    ARRAY_SIZE(params), params, on_recorded, order);
}

static void ask(struct jobs *jobs);

static void on_standing_orders(void *context, const struct pg_result *result,
                               const struct database_refusal *refusal)
{
    struct jobs *jobs = context;
    if (refusal != NULL)
        log_error("the cancelled jobs could not be read: %s", refusal->message);
    for (int i = 0; refusal == NULL && i < pg_rows(result); i++) {
        bool cancelled = pg_value(result, i, 1)[0] == 't';
        struct control_message order = {.order = cancelled ? CONTROL_CANCEL : CONTROL_RESUME};
        (void)snprintf(order.job_id, sizeof(order.job_id), "%s", pg_value(result, i, 0));
        tell(jobs, &order);
    }
    struct control_message end = {.order = CONTROL_TOLD, .workers = steal_ptr(jobs->asking_for)};
    tell(jobs, &end);
    control_message_free(&end);
    ask(jobs);
}

/* One question at a time, for all who came since the last one was asked. */
static void ask(struct jobs *jobs)
{
    if (jobs->asking_for != NULL || jobs->greeted.size == 0)
        return;
    jobs->asking_for = memory_steal(&jobs->greeted);
    database_submit(jobs->parts.database, statement_standing_orders, 0, NULL, on_standing_orders, jobs);
}

void jobs_greet(struct jobs *jobs, const char *worker)
{
    if (jobs->greeted.size > GREETED_BYTES_MAX)
        return; /* the database is away for long: a worker does not wait for ever */
    buf_printf(&jobs->greeted, "%s%s", jobs->greeted.size > 0 ? "," : "", worker);
    ask(jobs);
}
