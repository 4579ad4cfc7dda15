/* What goes out: verdicts become results, are published, confirmed, and only then acknowledged. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "worker/delivery_internal.h"

static uint32_t random_number(void)
{
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        number = (uint32_t)clock_us();
    return number;
}

static void log_verdict(const struct entry *entry, const struct result *result)
{
    struct log_context context = delivery_log_context(entry);
    context.attempt = (unsigned)result->attempt;
    enum log_level level = result->status == STATUS_ERROR ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    log_line(level, &context, "%s/%s in %" PRId64 " ms%s%.300s", status_name(result->status),
             reason_name(result->reason), result->setup_ms + result->compile_ms + result->run_ms,
             result->status == STATUS_ERROR && result->error_count > 0 ? ": " : "",
             result->status == STATUS_ERROR && result->error_count > 0 ? result->errors[0] : "");
}

void delivery_finish(struct assignment *assignment, struct result *result)
{
    struct delivery *delivery = assignment->delivery;
    struct entry *entry = assignment->entry;
    delivery_forget_suspect(assignment);
    autobuf struct buf body = BUF_INIT;
    autobuf struct buf key = BUF_INIT;
    if (result != NULL) {
        int64_t now_ms = clock_unix_ms();
        if (result->finished_at_ms == 0)
            result->finished_at_ms = now_ms;
        int64_t taken_up_ms = result->started_at_ms != 0 ? result->started_at_ms : now_ms;
        int64_t queued_ms = taken_up_ms - assignment->published_at_ms;
        result->queued_ms = queued_ms > 0 ? queued_ms : 0;
        result_to_json(result, &body);
        result_routing_key(result, &key);
    }
    if (result == NULL || body.failed || key.failed) {
        /* The broker gives our tasks to others; one without a verdict would hang until its timeout. */
        log_error("out of memory while a result was built");
        abort();
    }
    stats_count(&delivery->stats, result);
    log_verdict(entry, result);
    result_free(result);
    size_t size;
    char *text = buf_steal(&body, &size);
    ledger_finish(delivery->ledger, entry, text, size, buf_steal(&key, NULL));
    delivery_hold_result(delivery, entry);
}

void delivery_cork(struct delivery *delivery, struct broker *broker)
{
    if (!delivery->corked)
        broker_cork(broker, true);
    delivery->corked = true;
}

void delivery_uncork(struct delivery *delivery)
{
    struct broker *broker = broker_link_broker(delivery->link);
    if (delivery->corked && broker != NULL)
        broker_cork(broker, false);
    delivery->corked = false;
}

void delivery_publish_results(struct delivery *delivery, int64_t now_ms)
{
    struct broker *broker;
    struct entry *entry;
    while (!delivery->blocked && (broker = broker_link_broker(delivery->link)) != NULL &&
           (entry = ledger_next_to_publish(delivery->ledger, now_ms)) != NULL) {
        struct broker_message message = {.exchange = EXCHANGE_RESULTS,
                                         .routing_key = entry->routing_key,
                                         .body = entry->result,
                                         .body_size = entry->result_size,
                                         .content_type = CONTENT_TYPE_JSON,
                                         .type = TYPE_RESULT,
                                         .message_id = entry->task_id,
                                         .app_id = "assay-worker",
                                         .timestamp_s = clock_unix_ms() / 1000,
                                         .persistent = true};
        uint64_t sequence;
        struct err err = ERR_INIT;
        delivery_cork(delivery, broker);
        if (!broker_publish(broker, &message, true, &sequence, &err)) {
            (void)err_wrap(&err, "publish the result of task %s", entry->task_id);
            broker_link_fail(delivery->link, &err);
            return;
        }
        ledger_published(delivery->ledger, entry, sequence);
    }
}

/* A result is confirmed: its deliveries are acknowledged, those who asked by reply_to are answered. */
static void settle(void *context, struct entry *entry)
{
    struct delivery *delivery = context;
    for (size_t i = 0; i < entry->claim_count; i++) {
        const struct claim *claim = &entry->claims[i];
        if (claim->tag != 0)
            delivery_hold_ack(delivery, claim->tag);
        struct reply reply = {.reply_to = claim->reply_to,
                              .correlation_id = claim->correlation_id,
                              .message_id = entry->task_id,
                              .body = entry->result,
                              .body_size = entry->result_size};
        replies_send(delivery->replies, &reply);
    }
    assignment_free(entry->owner);
}

void delivery_on_confirm(void *context, uint64_t sequence, bool multiple, bool accepted)
{
    struct delivery *delivery = context;
    if (multiple ? delivery->event_sequence <= sequence : delivery->event_sequence == sequence)
        delivery->event_sequence = 0;
    struct ledger_verdict verdict = {.sequence = sequence,
                                     .multiple = multiple,
                                     .accepted = accepted,
                                     .now_ms = clock_ms(),
                                     .random = random_number()};
    size_t held = ledger_confirm(delivery->ledger, &verdict, settle, delivery);
    if (held > 0)
        log_warn("%zu result(s) not taken by the broker (queue %s full?): held and tried again, no tasks are "
                 "consumed meanwhile",
                 held, QUEUE_RESULTS);
}

void delivery_on_return(void *context, const struct broker_message *message, int code, const char *text)
{
    struct delivery *delivery = context;
    if (message->type != NULL && strcmp(message->type, TYPE_EVENT) == 0) {
        delivery->orders_due_ms = 0; /* our hello: there is no collector */
        return;
    }
    const struct entry *entry = ledger_returned(delivery->ledger, message->body, message->body_size);
    if (entry == NULL)
        return;
    struct log_context log_context = delivery_log_context(entry);
    log_line(LOG_LEVEL_ERROR, &log_context,
             "no queue is bound to exchange %s for its result (%d %s): load the broker definitions of "
             "conf/broker; the result is held and tried again",
             EXCHANGE_RESULTS, code, text);
}
