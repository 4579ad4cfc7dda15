#include "producer/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/broker_link.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "producer/catch_up.h"
#include "producer/jobs.h"

#define PREFETCH 200
/* An acknowledgement costs the broker a record in its queue's index, and one for many no more: those that are
 * held leave when they are so many, or after so long. */
#define HELD_MAX (PREFETCH / 4)
#define HOLD_MS  100

struct waiter {
    struct broker_link *link;
    struct waiter_callbacks callbacks;
    char queue[sizeof(QUEUE_WAIT_PREFIX) + 32];
    int64_t expires_ms;
    struct jobs jobs; /* bound, or to be bound when the connection comes back */
    struct catch_up *catch_up;
    struct loop_timer *ack_timer;
    uint64_t held_tag; /* the last one that is not acknowledged yet */
    unsigned held;
    bool was_up, down;
};

static void acknowledge(void *context)
{
    struct waiter *waiter = context;
    struct broker *broker = broker_link_broker(waiter->link);
    struct err err = ERR_INIT;
    loop_timer_stop(waiter->ack_timer);
    bool sent = broker == NULL || waiter->held == 0 || broker_ack(broker, waiter->held_tag, true, &err);
    waiter->held = 0;
    if (!sent)
        broker_link_fail(waiter->link, &err);
}

static void hold_ack(struct waiter *waiter, uint64_t tag)
{
    waiter->held_tag = tag;
    waiter->held++;
    if (waiter->held == 1)
        loop_timer_set(waiter->ack_timer, clock_ms() + HOLD_MS);
    if (waiter->held == HELD_MAX)
        acknowledge(waiter);
}

static void name_queue(struct waiter *waiter)
{
    char random[33];
    text_random_hex(random, 16);
    (void)snprintf(waiter->queue, sizeof waiter->queue, "%s%s", QUEUE_WAIT_PREFIX, random);
}

static bool bind(struct broker *broker, const char *queue, const char *job_id, struct err *err)
{
    autobuf struct buf key = BUF_INIT;
    jobs_routing_key(job_id, "*", &key);
    if (key.failed)
        return err_set(err, ERR_NO_MEMORY, "no memory for a routing key");
    return broker_bind_queue(broker, queue, EXCHANGE_RESULTS, buf_text(&key), err);
}

static bool on_up(void *context, struct broker *broker, struct err *err)
{
    struct waiter *waiter = context;
    struct broker_queue_options options = {.durable = true, .expires_ms = waiter->expires_ms};
    bool there = true;
    uint32_t messages = 0;
    uint32_t consumers = 0;
    if (waiter->was_up && !broker_inspect_queue(broker, waiter->queue, &there, &messages, &consumers, err))
        return false;
    if (!broker_declare_queue(broker, waiter->queue, &options, NULL, err)) {
        (void)err_wrap(err, "declare the queue for verdicts %s", waiter->queue);
        /* Its node of a cluster may be down for long: the next attempt makes another one. */
        if (waiter->was_up && err->code == ERR_PROTOCOL)
            name_queue(waiter);
        return false;
    }
    for (size_t i = 0; i < waiter->jobs.count; i++) {
        if (!bind(broker, waiter->queue, waiter->jobs.items[i].job_id, err))
            return err_wrap(err, "bind %s", waiter->queue);
    }
    if (!broker_set_prefetch(broker, PREFETCH, err) ||
        !broker_consume(broker, waiter->queue, NULL, false, false, NULL, err))
        return err_wrap(err, "consume %s", waiter->queue);
    if (!there)
        log_warn("the broker lost the queue %s: verdicts that came meanwhile are read from the database "
                 "where pg_url is set, else see assay-producer results JOB",
                 waiter->queue);
    if (waiter->down)
        log_info("waiting for verdicts again");
    waiter->was_up = true;
    waiter->down = false;
    return true;
}

static void on_down(void *context, bool was_up, const struct err *why)
{
    (void)was_up;
    struct waiter *waiter = context;
    if (!waiter->down)
        log_warn("lost the broker while waiting for verdicts: %s; connecting again", why->text);
    waiter->down = true;
    waiter->held = 0; /* the tags are dead, and what they stood for comes again */
    loop_timer_stop(waiter->ack_timer);
    catch_up_start(waiter->catch_up);
}

static void on_delivery(void *context, const struct broker_delivery *delivery)
{
    struct waiter *waiter = context;
    const struct broker_message *message = &delivery->message;
    if (message->type == NULL || strcmp(message->type, TYPE_JOB) != 0) {
        struct err err = ERR_INIT;
        struct result *result = result_parse(message->body, message->body_size, &err);
        if (result != NULL)
            waiter->callbacks.on_result(waiter->callbacks.context, result, message->body, message->body_size);
        else
            log_warn("a message in the results is none and is ignored: %s", err.text);
        result_free(result);
    }
    hold_ack(waiter, delivery->tag);
}

/* The broker took the consumer away (its queue was deleted, a leader moved): start over. */
static void on_consumer_cancelled(void *context, const char *consumer_tag)
{
    (void)consumer_tag;
    struct waiter *waiter = context;
    struct err why = ERR_INIT;
    err_set(&why, ERR_UNREACHABLE, "the broker ended the consumer of %s", waiter->queue);
    broker_link_fail(waiter->link, &why);
}

struct waiter *waiter_new(struct loop *loop, const struct producer_config *config,
                          const struct waiter_callbacks *callbacks, struct err *err)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL) {
        err_set(err, ERR_NO_MEMORY, "no memory for waiting");
        return NULL;
    }
    name_queue(waiter);
    waiter->callbacks = *callbacks;
    waiter->expires_ms = config->wait_expires_s * 1000;
    struct broker_options options = {.url = config->amqp_url,
                                     .connection_name = "assay-producer wait",
                                     .heartbeat_s = (int)config->heartbeat_s,
                                     .connect_timeout_ms = (int)config->connect_timeout_s * 1000};
    struct broker_handler handler = {
        .context = waiter, .on_delivery = on_delivery, .on_consumer_cancelled = on_consumer_cancelled};
    struct broker_link_callbacks link = {.context = waiter, .on_up = on_up, .on_down = on_down};
    waiter->ack_timer = loop_timer_new(loop, acknowledge, waiter);
    waiter->link = broker_link_new(loop, &options, &handler, &link, err);
    waiter->catch_up = catch_up_new(loop, config, &waiter->jobs, &waiter->callbacks, err);
    if (waiter->ack_timer == NULL)
        err_set(err, ERR_NO_MEMORY, "no memory for waiting");
    if (waiter->ack_timer == NULL || waiter->link == NULL || waiter->catch_up == NULL) {
        waiter_free(waiter);
        return NULL;
    }
    return waiter;
}

bool waiter_connect(struct waiter *waiter, struct err *err)
{
    if (!broker_link_connect(waiter->link, err))
        return false;
    broker_link_start(waiter->link);
    return true;
}

bool waiter_bind_job(struct waiter *waiter, const char *job_id, struct err *err)
{
    for (size_t i = 0; i < waiter->jobs.count; i++) {
        if (strcmp(waiter->jobs.items[i].job_id, job_id) == 0)
            return true;
    }
    struct broker *broker = broker_link_broker(waiter->link);
    if (broker == NULL)
        return false;
    struct err why = ERR_INIT;
    if (!bind(broker, waiter->queue, job_id, &why)) {
        broker_link_fail(waiter->link, &why);
        return false;
    }
    return jobs_get(&waiter->jobs, job_id, err) != NULL;
}

void waiter_read_stored(struct waiter *waiter)
{
    catch_up_at_once(waiter->catch_up);
}

void waiter_free(struct waiter *waiter)
{
    if (waiter == NULL)
        return;
    struct broker *broker = waiter->link != NULL ? broker_link_broker(waiter->link) : NULL;
    struct err ignored = ERR_INIT;
    if (broker != NULL)
        (void)broker_delete_queue(broker, waiter->queue, &ignored);
    broker_link_free(waiter->link);
    loop_timer_free(waiter->ack_timer);
    catch_up_free(waiter->catch_up);
    jobs_free(&waiter->jobs);
    free(waiter);
}
