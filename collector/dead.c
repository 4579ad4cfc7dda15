#include "collector/dead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/dead_letter.h"
#include "collector/memory.h"
#include "collector/statements.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/message/names.h"

#define HEADER_MESSAGE_MAX 1024 /* all headers have to fit one AMQP frame */
#define RETRY_MS           5000

struct dead {
    struct dead_parts parts;
    struct item *waiting; /* what dead_letters refuses in every form, until retry_ms */
    int64_t retry_ms;
};

struct dead *dead_new(const struct dead_parts *parts)
{
    struct dead *dead = memory_take(sizeof(*dead));
    dead->parts = *parts;
    return dead;
}

void dead_free(struct dead *dead)
{
    free(dead);
}

static void finish(struct item *item, bool acknowledge)
{
    struct dead *dead = item->owner;
    dead->parts.finish(dead->parts.context, item, acknowledge);
}

static void log_item(enum log_level level, const struct item *item, const char *what, const char *why)
{
    const struct log_context context = {.job = item->job_id, .task = item->task_id};
    log_line(level, &context, "%s: %.500s", what, why);
}

/* --- a message that can not be stored: to the dead results --- */

static void on_refusal_published(void *context, bool confirmed)
{
    finish(context, confirmed);
}

void dead_refuse(struct dead *dead, struct item *item, const char *sqlstate, const char *message)
{
    autobuf struct buf text = BUF_INIT;
    text_append_clean(&text, message, strnlen(message, HEADER_MESSAGE_MAX));
    item->owner = dead;
    item->refusal_message = memory_steal(&text);
    (void)snprintf(item->refusal_sqlstate, sizeof(item->refusal_sqlstate), "%s", sqlstate);
    log_item(LOG_LEVEL_ERROR, item,
             sqlstate[0] != '\0' ? "the database refused a row" : "a message is no result", message);
    item->refusal_headers[0] = (struct broker_header){HEADER_DEAD_SQLSTATE, item->refusal_sqlstate, 0};
    item->refusal_headers[1] = (struct broker_header){HEADER_DEAD_MESSAGE, item->refusal_message, 0};
    item->refusal_headers[2] =
        (struct broker_header){HEADER_ROUTING_KEY, item->delivery.message.routing_key, 0};
    struct broker_message out = item->delivery.message;
    out.exchange = EXCHANGE_DEAD;
    out.routing_key = DEAD_KEY_RESULTS;
    out.persistent = true;
    out.headers = item->refusal_headers;
    out.header_count = ARRAY_SIZE(item->refusal_headers);
    outbox_post(dead->parts.outbox, &out, true, on_refusal_published, item);
}

/* --- a dead message --- */

static void on_kept_plain(void *context, const struct pg_result *result,
                          const struct database_refusal *refusal);

static void keep(struct dead *dead, struct item *item, database_done_fn *done, const char *refusal)
{
    char *params[DEAD_LETTER_PARAMS];
    dead_letter_params(item, params);
    if (refusal != NULL)
        dead_letter_make_plain(params, refusal);
    database_submit(dead->parts.database, statement_dead_letter, DEAD_LETTER_PARAMS, params, done, item);
}

static void kept(struct dead *dead, struct item *item)
{
    if (item->row != NULL)
        dead->parts.store(dead->parts.context, item);
    else
        finish(item, true);
}

static void on_kept(void *context, const struct pg_result *result, const struct database_refusal *refusal)
{
    (void)result;
    struct item *item = context;
    struct dead *dead = item->owner;
    if (refusal == NULL) {
        kept(dead, item);
        return;
    }
    log_item(LOG_LEVEL_ERROR, item,
             "dead_letters refused a dead message; trying without its headers and properties",
             refusal->message);
    keep(dead, item, on_kept_plain, refusal->message);
}

/* Nothing of the message is left to leave out: whoever changed the table has to be heard, and the message
 * stays in its queue until then. */
static void on_kept_plain(void *context, const struct pg_result *result,
                          const struct database_refusal *refusal)
{
    (void)result;
    struct item *item = context;
    struct dead *dead = item->owner;
    if (refusal == NULL) {
        kept(dead, item);
        return;
    }
    if (dead->waiting == NULL)
        dead->retry_ms = clock_ms() + RETRY_MS;
    item->next = dead->waiting;
    dead->waiting = item;
    log_item(LOG_LEVEL_ERROR, item,
             "dead_letters refuses a dead message in every form: it stays in its queue and is tried again; "
             "mend the table's constraints or triggers",
             refusal->message);
}

void dead_step(struct dead *dead, int64_t now_ms)
{
    if (dead->waiting == NULL || now_ms < dead->retry_ms)
        return;
    struct item *items = dead->waiting;
    dead->waiting = NULL;
    while (items != NULL) {
        struct item *item = items;
        items = item->next;
        item->next = NULL;
        keep(dead, item, on_kept, NULL);
    }
}

int64_t dead_deadline_ms(const struct dead *dead)
{
    return dead->waiting != NULL ? dead->retry_ms : INT64_MAX;
}

void dead_drop(struct dead *dead)
{
    while (dead->waiting != NULL) {
        struct item *item = dead->waiting;
        dead->waiting = item->next;
        item_free(item);
    }
}

void dead_take(struct dead *dead, struct item *item)
{
    autobuf struct buf reason = BUF_INIT;
    bool task = item->kind == ITEM_DEAD_TASK;
    item->owner = dead;
    dead_letter_judge(item, clock_unix_ms());
    item_recount(item);
    dead_letter_reason(item, &reason);
    log_item(LOG_LEVEL_WARN, item, task ? "a task is dead" : "a result is dead", buf_text(&reason));
    if (task)
        dead->parts.stats->dead_tasks++;
    else
        dead->parts.stats->dead_results++;
    keep(dead, item, on_kept, NULL);
}

static void on_verdict_published(void *context, bool confirmed)
{
    struct item *item = context;
    struct dead *dead = item->owner;
    const struct broker_message *task = &item->delivery.message;
    if (confirmed) {
        struct reply reply = {.reply_to = task->reply_to,
                              .correlation_id = task->correlation_id,
                              .message_id = item->task_id,
                              .body = item->verdict,
                              .body_size = strlen(item->verdict)};
        replies_send(dead->parts.replies, &reply);
    }
    finish(item, confirmed);
}

/* A real verdict may have been stored before the task died (its acknowledgement was lost again and again):
 * then those who wait have that one, and must not be told another. */
static void on_looked(void *context, const struct pg_result *result, const struct database_refusal *refusal)
{
    struct item *item = context;
    struct dead *dead = item->owner;
    if (refusal != NULL || pg_rows(result) == 0) {
        finish(item, true);
        return;
    }
    struct broker_message out = {.exchange = EXCHANGE_RESULTS,
                                 .routing_key = item->verdict_key,
                                 .body = item->verdict,
                                 .body_size = strlen(item->verdict),
                                 .content_type = CONTENT_TYPE_JSON,
                                 .type = TYPE_RESULT,
                                 .message_id = item->task_id,
                                 .correlation_id = item->delivery.message.correlation_id,
                                 .app_id = "assay-collector",
                                 .timestamp_s = clock_unix_ms() / 1000,
                                 .persistent = true};
    outbox_post(dead->parts.outbox, &out, true, on_verdict_published, item);
}

void dead_stored(struct dead *dead, struct item *item)
{
    if (item->kind != ITEM_DEAD_TASK) {
        finish(item, true);
        return;
    }
    char *params[] = {memory_text(item->job_id), memory_text(item->task_id)};
    database_submit(dead->parts.database, statement_is_undeliverable, ARRAY_SIZE(params), params, on_looked,
                    item);
}
