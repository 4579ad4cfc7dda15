/* What comes in: deliveries become work for the runner, or get the verdict that needs no run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/message/names.h"
#include "worker/delivery_internal.h"
#include "worker/verdict.h"

#define HEADER_PUBLISHED_MS "assay-published-ms"

void assignment_free(struct assignment *assignment)
{
    if (assignment == NULL)
        return;
    task_free(assignment->task);
    free(assignment);
}

struct log_context delivery_log_context(const struct entry *entry)
{
    return (struct log_context){.job = entry->job_id, .task = entry->task_id};
}

/* For a verdict that does not come from the runner. */
static void finish_at_once(struct assignment *assignment, struct result *result)
{
    if (result != NULL) {
        result->worker = strdup(assignment->delivery->options.config->name);
        result->attempt = assignment->earlier_deliveries + 1;
    }
    intake_task_unrun(&assignment->delivery->intake);
    delivery_finish(assignment, result);
}

static void on_work_started(void *owner, struct work *work)
{
    struct assignment *assignment = owner;
    (void)work;
    assignment->started_ms = clock_ms();
    ledger_start(assignment->delivery->ledger, assignment->entry);
    intake_task_started(&assignment->delivery->intake, assignment->started_ms);
}

static void on_work_waits_again(void *owner, struct work *work)
{
    struct assignment *assignment = owner;
    (void)work;
    ledger_wait_again(assignment->delivery->ledger, assignment->entry);
}

static void on_work_done(void *owner, struct work *work, struct result *result)
{
    struct assignment *assignment = owner;
    if (work->attempts > 0)
        intake_task_finished(&assignment->delivery->intake, clock_ms() - assignment->started_ms);
    else
        intake_task_unrun(&assignment->delivery->intake);
    delivery_finish(assignment, result);
}

static int64_t published_at_ms(const struct broker_message *message)
{
    for (size_t i = 0; i < message->header_count; i++) {
        const struct broker_header *header = &message->headers[i];
        if (strcmp(header->name, HEADER_PUBLISHED_MS) == 0 && header->text == NULL && header->number > 0)
            return header->number;
    }
    if (message->timestamp_s > 0 && message->timestamp_s < INT64_MAX / 1000)
        return message->timestamp_s * 1000;
    return clock_unix_ms();
}

/* A body that was too large to keep: it is told apart by what is known of it. */
static struct task *refuse_dropped_body(const struct broker_delivery *incoming, const struct lane *lane,
                                        struct task_identity *identity, unsigned char digest[DIGEST_SIZE],
                                        struct err *err)
{
    char known[128];
    char hex[DIGEST_HEX_SIZE];
    int size = snprintf(known, sizeof known, "%" PRIu64 " bytes published at %" PRId64,
                        incoming->dropped_body_size, incoming->message.timestamp_s);
    digest_sha256(known, (size_t)size, digest);
    digest_sha256_hex(known, (size_t)size, hex);
    const char *message_id = incoming->message.message_id;
    *identity = (struct task_identity){.job_id = "default"};
    (void)snprintf(identity->runtime, sizeof identity->runtime, "%s", lane->runtime->name);
    if (message_id != NULL && text_is_id(message_id, strlen(message_id)))
        (void)snprintf(identity->task_id, sizeof identity->task_id, "%s", message_id);
    else
        (void)snprintf(identity->task_id, sizeof identity->task_id, "unidentified/%s", hex);
    (void)err_set(err, ERR_INPUT, "the message has %" PRIu64 " bytes; allowed are %zu",
                  incoming->dropped_body_size, MESSAGE_SIZE_MAX);
    return NULL;
}

static struct task *parse(const struct delivery *delivery, const struct broker_delivery *incoming,
                          const struct lane *lane, struct task_identity *identity,
                          unsigned char digest[DIGEST_SIZE], struct err *err)
{
    const struct broker_message *message = &incoming->message;
    if (incoming->dropped_body_size > 0)
        return refuse_dropped_body(incoming, lane, identity, digest, err);
    struct task_rules rules = {.runtimes = delivery->options.runtimes,
                               .routing_key_runtime = lane->runtime->name,
                               .message_id = message->message_id};
    digest_sha256(message->body, message->body_size, digest);
    return task_parse(message->body, message->body_size, &rules, identity, err);
}

void delivery_run(struct assignment *assignment)
{
    struct delivery *delivery = assignment->delivery;
    const struct task *task = assignment->task;
    int64_t now_unix_ms = clock_unix_ms();
    if (cancels_has(&delivery->cancels, task->job_id, clock_ms()))
        finish_at_once(assignment, verdict_cancelled(task));
    else if (verdict_is_expired(task, now_unix_ms))
        finish_at_once(assignment, verdict_expired(task, now_unix_ms));
    else
        runner_submit(delivery->options.runner, &assignment->work);
}

/* Runs it, or gives it the verdict that needs no run. */
static void take_up(struct assignment *assignment, const struct task_identity *identity,
                    const struct err *why_bad)
{
    if (assignment->task == NULL)
        finish_at_once(assignment, verdict_for_bad_task(identity, why_bad->text));
    else if (!delivery_suspect(assignment))
        delivery_run(assignment);
}

static void on_task(struct delivery *delivery, const struct broker_delivery *incoming,
                    const struct lane *lane)
{
    struct err why_bad = ERR_INIT;
    struct task_identity identity;
    unsigned char digest[DIGEST_SIZE];
    if (!acks_add(&delivery->acks, incoming->tag)) {
        /* One that is not known would be acknowledged with those around it. */
        (void)err_set(&why_bad, ERR_NO_MEMORY, "out of memory while a task was received");
        broker_link_fail(delivery->link, &why_bad);
        return;
    }
    intake_task_received(&delivery->intake, incoming->message.body_size);
    struct task *task = parse(delivery, incoming, lane, &identity, digest, &why_bad);
    struct ledger_receipt receipt = {.job_id = identity.job_id,
                                     .task_id = identity.task_id,
                                     .digest = digest,
                                     .tag = incoming->tag,
                                     .redelivered = incoming->redelivered,
                                     .reply_to = incoming->message.reply_to,
                                     .correlation_id = incoming->message.correlation_id};
    bool joined = false;
    struct assignment *assignment = calloc(1, sizeof *assignment);
    struct entry *entry = assignment != NULL ? ledger_receive(delivery->ledger, &receipt, &joined) : NULL;
    if (entry == NULL || joined) {
        if (entry == NULL)
            log_error("out of memory while a task was received: it comes again with the next connection");
        else
            log_line(LOG_LEVEL_INFO, &(struct log_context){.job = entry->job_id, .task = entry->task_id},
                     "delivered again while it is %s here: not run twice", entry_state_name(entry->state));
        free(assignment);
        task_free(task);
        return;
    }
    *assignment = (struct assignment){
        .delivery = delivery,
        .entry = entry,
        .task = task,
        .published_at_ms = published_at_ms(&incoming->message),
        .earlier_deliveries = incoming->delivery_count,
        .work = {.task = task,
                 .lane = lane->lane,
                 .owner = assignment,
                 .done = on_work_done,
                 .started = on_work_started,
                 .waits_again = on_work_waits_again,
                 .earlier_deliveries = incoming->delivery_count},
    };
    entry->owner = assignment;
    take_up(assignment, &identity, &why_bad);
}

static void on_control(struct delivery *delivery, const struct broker_message *message)
{
    struct control_message control;
    struct err err = ERR_INIT;
    if (!control_message_parse(message->body, message->body_size, &control, &err)) {
        log_warn("a message on %s was not understood: %s", EXCHANGE_CONTROL, err.text);
        return;
    }
    if (control.order == CONTROL_TOLD) {
        if (control_message_names(&control, delivery->options.config->name))
            delivery->orders_due_ms = 0;
        control_message_free(&control);
        return;
    }
    struct log_context log_context = {.job = control.job_id};
    if (control.order == CONTROL_RESUME) {
        cancels_remove(&delivery->cancels, control.job_id);
        log_line(LOG_LEVEL_INFO, &log_context, "job no longer cancelled");
        return;
    }
    cancels_add(&delivery->cancels, control.job_id, clock_ms());
    size_t count = runner_cancel_job(delivery->options.runner, control.job_id);
    log_line(LOG_LEVEL_INFO, &log_context, "job cancelled: %zu task(s) here", count);
}

void delivery_on_message(void *context, const struct broker_delivery *incoming)
{
    struct delivery *delivery = context;
    const struct lane *lane = lanes_find(&delivery->lanes, incoming->consumer_tag);
    if (lane != NULL)
        on_task(delivery, incoming, lane);
    else if (strcmp(incoming->consumer_tag, FLEET_CONTROL_TAG) == 0)
        on_control(delivery, &incoming->message);
}

static void give_back(struct delivery *delivery, struct broker *broker, struct entry *entry)
{
    struct log_context context = delivery_log_context(entry);
    log_line(LOG_LEVEL_DEBUG, &context, "given back to its queue");
    for (size_t i = 0; i < entry->claim_count; i++) {
        struct err err = ERR_INIT;
        uint64_t tag = entry->claims[i].tag;
        if (tag != 0 && !broker_reject(broker, tag, true, &err)) {
            broker_link_fail(delivery->link, &err);
            return;
        }
        acks_forget(&delivery->acks, tag);
    }
    delivery_forget(delivery, entry);
    ledger_remove(delivery->ledger, entry);
}

void delivery_give_back(struct delivery *delivery, struct broker *broker)
{
    struct entry *next;
    for (struct entry *entry = ledger_next(delivery->ledger, NULL, ENTRY_WAITING); entry != NULL;
         entry = next) {
        next = ledger_next(delivery->ledger, entry, ENTRY_WAITING);
        const struct assignment *assignment = entry->owner;
        if (!delivery->draining &&
            assignment->earlier_deliveries >= intake_hand_back_max(delivery->options.config->delivery_limit))
            continue;
        if (broker_link_broker(delivery->link) != broker)
            return; /* a call failed: the broker takes back all of them */
        give_back(delivery, broker, entry);
    }
}

void delivery_forget(void *context, struct entry *entry)
{
    struct delivery *delivery = context;
    struct assignment *assignment = entry->owner;
    (void)runner_take_back(delivery->options.runner, &assignment->work);
    delivery_forget_suspect(assignment);
    assignment_free(assignment);
}
