#include <string.h>

#include "collector/memory.h"
#include "collector/service_parts.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/message/names.h"

/* --- the end of an item --- */

void intake_finish(void *context, struct item *item, bool acknowledge)
{
    struct service *service = context;
    if (acknowledge)
        (void)acks_finish(&service->acks, item->channel, item->delivery.tag);
    item_free(item);
}

void intake_store(void *context, struct item *item)
{
    struct service *service = context;
    store_add(service->store, item, clock_ms());
}

void intake_refuse(void *context, struct item *item, const char *sqlstate, const char *message)
{
    struct service *service = context;
    if (item->channel != service->acks.channel) {
        item_free(item); /* delivered again: refused again then */
        return;
    }
    dead_refuse(service->dead, item, sqlstate, message);
}

void intake_stored(void *context, struct item *item)
{
    struct service *service = context;
    if (item->kind == ITEM_RESULT)
        intake_finish(service, item, true);
    else
        dead_stored(service->dead, item);
}

void intake_refused(void *context, struct item *item, const struct database_refusal *refusal)
{
    struct service *service = context;
    if (item->kind == ITEM_RESULT) {
        intake_refuse(service, item, refusal->sqlstate, refusal->message);
        return;
    }
    log_error("the verdict of a dead message was refused: %s", refusal->message);
    dead_stored(service->dead, item);
}

/* --- deliveries --- */

static void take_result(struct service *service, struct item *item)
{
    const struct broker_message *message = &item->delivery.message;
    struct err err = ERR_INIT;
    service->stats.results++;
    struct result *result = result_parse(message->body, message->body_size, &err);
    if (item->delivery.dropped_body_size > 0)
        err_set(&err, ERR_INPUT, "a message of %llu bytes, more than %zu",
                (unsigned long long)item->delivery.dropped_body_size, MESSAGE_SIZE_MAX);
    if (result == NULL) {
        service->stats.unreadable++;
        intake_refuse(service, item, "", err.text);
        return;
    }
    memcpy(item->job_id, result->job_id, sizeof(item->job_id));
    memcpy(item->task_id, result->task_id, sizeof(item->task_id));
    item->row = row_new(result);
    result_free(result);
    item_recount(item);
    intake_store(service, item);
}

static bool is_job_message(const struct broker_message *message)
{
    return message->type != NULL && strcmp(message->type, TYPE_JOB) == 0;
}

static void take_message(struct service *service, const struct broker_delivery *delivery)
{
    enum item_kind kind = ITEM_RESULT;
    if (strcmp(delivery->consumer_tag, TAG_DEAD_TASKS) == 0)
        kind = ITEM_DEAD_TASK;
    else if (strcmp(delivery->consumer_tag, TAG_DEAD_RESULTS) == 0)
        kind = ITEM_DEAD_RESULT;
    else if (is_job_message(&delivery->message))
        kind = ITEM_JOB;
    if (!acks_add(&service->acks, delivery->tag))
        memory_exhausted();
    bool dead = kind == ITEM_DEAD_TASK || kind == ITEM_DEAD_RESULT;
    struct item *item =
        item_new(dead ? &service->dead_items : &service->items, kind, service->acks.channel, delivery);
    if (kind == ITEM_RESULT)
        take_result(service, item);
    else if (kind == ITEM_JOB)
        jobs_announce(service->jobs, item);
    else
        dead_take(service->dead, item);
}

void intake_take(struct service *service, const struct broker_delivery *delivery)
{
    const struct broker_message *message = &delivery->message;
    if (strcmp(delivery->consumer_tag, TAG_EVENTS) == 0) {
        const char *newcomer = fleet_take(service->fleet, message->body, message->body_size, clock_ms());
        if (newcomer != NULL)
            jobs_greet(service->jobs, newcomer);
    } else if (strcmp(delivery->consumer_tag, TAG_CONTROL) == 0) {
        jobs_control(service->jobs, message->body, message->body_size);
    } else {
        take_message(service, delivery);
    }
}
