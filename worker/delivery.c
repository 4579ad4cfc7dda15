/* The connection: opening, subscribing, events to the fleet, and the step that drives it all. */
#include "worker/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/delivery_internal.h"

#define CONNECT_TIMEOUT_MS 10000
/* A collector whose database is away cannot say which jobs are cancelled. */
#define ORDERS_PATIENCE_MS 5000

/* ---- Events ---- */

static bool tell_fleet(struct delivery *delivery, struct broker *broker, enum worker_event_kind kind,
                       struct err *err)
{
    struct worker_event *event = &delivery->event;
    event->kind = kind;
    event->tasks_done = (int64_t)stats_tasks(&delivery->stats);
    event->tasks_error = (int64_t)stats_errors(&delivery->stats);
    event->busy = 0;
    event->consuming = false;
    if (kind != WORKER_GOODBYE) {
        struct runner_state state;
        runner_state(delivery->options.runner, &state);
        event->busy = state.busy;
        event->consuming = state.healthy && !delivery->draining && !delivery->blocked &&
                           ledger_refused(delivery->ledger) == 0;
    }
    return fleet_tell(broker, event, &delivery->event_sequence, err);
}

void delivery_heartbeat(struct delivery *delivery)
{
    struct err err = ERR_INIT;
    struct broker *broker = broker_link_broker(delivery->link);
    /* None while the last one is unconfirmed: what waits for that confirm would wait for each in turn. */
    if (broker != NULL && !delivery->blocked && delivery->event_sequence == 0 &&
        !tell_fleet(delivery, broker, WORKER_HEARTBEAT, &err))
        broker_link_fail(delivery->link, &err);
}

/* ---- The connection's handlers ---- */

static bool on_up(void *context, struct broker *broker, struct err *err)
{
    struct delivery *delivery = context;
    delivery->blocked = false;
    delivery->corked = false;
    delivery->event_sequence = 0;
    delivery->orders_due_ms = clock_ms() + ORDERS_PATIENCE_MS;
    /* The collector answers the hello with the cancelled jobs; tasks are taken after that. */
    if (!fleet_listen(broker, delivery->options.config->name, err) ||
        !tell_fleet(delivery, broker, WORKER_HELLO, err))
        return false;
    log_info("connected to the broker");
    return true;
}

static void on_down(void *context, bool was_up, const struct err *why)
{
    struct delivery *delivery = context;
    delivery->blocked = false;
    delivery->event_sequence = 0;
    acks_drop(&delivery->acks);
    delivery->acks_due_ms = 0;
    lanes_lose_connection(&delivery->lanes);
    ledger_lose_connection(delivery->ledger, delivery_forget, delivery);
    log_warn("broker connection %s, trying again: %s", was_up ? "lost" : "failed", why->text);
}

static uint64_t oldest_unconfirmed(void *context)
{
    const struct delivery *delivery = context;
    uint64_t result = ledger_oldest_unconfirmed(delivery->ledger);
    return result != 0 ? result : delivery->event_sequence; /* confirmed events say nothing of results */
}

static void on_blocked(void *context, const char *reason)
{
    struct delivery *delivery = context;
    delivery->blocked = reason != NULL;
    if (reason != NULL)
        log_warn("the broker blocks publishers (%s): results are held", reason);
    else
        log_info("the broker takes publishes again");
}

static void on_consumer_cancelled(void *context, const char *consumer_tag)
{
    struct delivery *delivery = context;
    struct err err = ERR_INIT;
    if (strcmp(consumer_tag, FLEET_CONTROL_TAG) != 0) {
        lanes_consumer_cancelled(&delivery->lanes, consumer_tag, clock_ms());
        return;
    }
    (void)err_set(&err, ERR_PROTOCOL, "the control queue was deleted");
    broker_link_fail(delivery->link, &err); /* reconnecting makes another */
}

/* ---- Opening and closing ---- */

static bool choose_prefetch(struct delivery *delivery, struct err *err)
{
    const struct worker_config *config = delivery->options.config;
    int64_t cap_ms = 0;
    for (size_t i = 0; i < delivery->options.served_count; i++) {
        int64_t runtime_cap_ms = intake_task_cap_ms(delivery->options.served[i]);
        cap_ms = runtime_cap_ms > cap_ms ? runtime_cap_ms : cap_ms;
    }
    unsigned slots = (unsigned)config->slots;
    int64_t timeout_ms = config->consumer_timeout_s * 1000;
    uint16_t prefetch = intake_prefetch(config->prefetch, slots, cap_ms, timeout_ms, err);
    uint16_t widest = intake_widest(config->prefetch, prefetch, slots, cap_ms, timeout_ms);
    intake_init(&delivery->intake, slots, prefetch, widest, clock_ms());
    return prefetch > 0;
}

static void describe_worker(struct delivery *delivery)
{
    struct worker_event *event = &delivery->event;
    fleet_event_init(event, delivery->options.config->name);
    event->slots = delivery->options.config->slots;
    size_t used = 0;
    for (size_t i = 0; i < delivery->options.served_count; i++) {
        const char *name = delivery->options.served[i]->name;
        size_t size = strlen(name);
        if (used + size + 2 > sizeof event->runtimes)
            break;
        if (used > 0)
            event->runtimes[used++] = ',';
        memcpy(event->runtimes + used, name, size + 1);
        used += size;
    }
}

static bool open_link(struct delivery *delivery, struct loop *loop, struct err *err)
{
    const struct worker_config *config = delivery->options.config;
    autobuf struct buf name = BUF_INIT;
    buf_printf(&name, "assay-worker %s slots=%lld runtimes=%s", config->name, (long long)config->slots,
               delivery->event.runtimes);
    struct broker_options options = {.url = config->amqp_url,
                                     .connection_name = buf_text(&name),
                                     .heartbeat_s = (int)config->heartbeat_s,
                                     .confirm_timeout_s = (int)config->confirm_timeout_s,
                                     .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    struct broker_handler handler = {.context = delivery,
                                     .on_delivery = delivery_on_message,
                                     .on_confirm = delivery_on_confirm,
                                     .on_return = delivery_on_return,
                                     .on_consumer_cancelled = on_consumer_cancelled,
                                     .on_blocked = on_blocked};
    struct broker_link_callbacks callbacks = {
        .context = delivery, .on_up = on_up, .on_down = on_down, .oldest_unconfirmed = oldest_unconfirmed};
    delivery->link = broker_link_new(loop, &options, &handler, &callbacks, err);
    return delivery->link != NULL && broker_link_connect(delivery->link, err);
}

struct delivery *delivery_open(struct loop *loop, const struct delivery_options *options, struct err *err)
{
    struct delivery *delivery = calloc(1, sizeof *delivery);
    if (delivery == NULL) {
        (void)err_set(err, ERR_NO_MEMORY, "cannot allocate the delivery");
        return NULL;
    }
    delivery->options = *options;
    delivery->ledger = ledger_new();
    if (delivery->ledger == NULL)
        (void)err_set(err, ERR_NO_MEMORY, "cannot allocate the ledger");
    describe_worker(delivery);
    const struct worker_config *config = options->config;
    if (delivery->ledger == NULL || !choose_prefetch(delivery, err) ||
        !lanes_init(&delivery->lanes, options->config->name, options->served, options->served_count, err) ||
        !replies_open(&delivery->replies, loop, config->reply_amqp_url, "assay-worker", config->name,
                      (int)config->heartbeat_s, err) ||
        !open_link(delivery, loop, err)) {
        delivery_close(delivery);
        return NULL;
    }
    return delivery;
}

void delivery_close(struct delivery *delivery)
{
    if (delivery == NULL)
        return;
    struct broker *broker = delivery->link != NULL ? broker_link_broker(delivery->link) : NULL;
    struct err err = ERR_INIT;
    delivery_drain(delivery); /* nothing is held any more */
    if (broker != NULL && !delivery->blocked) {
        (void)delivery_acknowledge(delivery, clock_ms());
        delivery_uncork(delivery);
    }
    if (broker != NULL && !delivery->blocked && !tell_fleet(delivery, broker, WORKER_GOODBYE, &err))
        log_debug("no goodbye: %s", err.text);
    broker_link_free(delivery->link);
    replies_close(delivery->replies);
    for (int state = 0; delivery->ledger != NULL && state < ENTRY_STATES; state++) {
        struct entry *entry = NULL;
        while ((entry = ledger_next(delivery->ledger, entry, (enum entry_state)state)) != NULL)
            assignment_free(entry->owner);
    }
    ledger_free(delivery->ledger);
    acks_free(&delivery->acks);
    lanes_free(&delivery->lanes);
    free(delivery);
}

/* ---- The step ---- */

static bool apply(struct delivery *delivery, struct broker *broker, const struct intake_decision *decision,
                  int64_t now_ms, struct err *err)
{
    /* First no more comes, then what waits goes: else the broker would deliver it here again. */
    if (decision->resubscribe && delivery->lanes.prefetch > 0 &&
        !lanes_unsubscribe(&delivery->lanes, broker, err))
        return false;
    if (decision->hand_back)
        delivery_give_back(delivery, broker);
    if (decision->resubscribe && decision->prefetch > 0 && broker_link_broker(delivery->link) == broker)
        return lanes_subscribe(&delivery->lanes, broker, decision->prefetch, now_ms, err);
    return true;
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

static struct intake_view view_intake(const struct delivery *delivery, int64_t now_ms)
{
    struct runner_state state;
    runner_state(delivery->options.runner, &state);
    return (struct intake_view){.paused = delivery->draining || !state.healthy ||
                                          delivery->orders_due_ms != 0 || delivery->suspects > 0 ||
                                          ledger_refused(delivery->ledger) > 0,
                                .waiting = ledger_count(delivery->ledger, ENTRY_WAITING),
                                .idle = state.idle,
                                .prefetch = delivery->lanes.prefetch,
                                .now_ms = now_ms};
}

/* Would the intake change the subscription now? */
static bool wants_change(const struct delivery *delivery, const struct intake_view *view)
{
    struct intake copy = delivery->intake;
    struct intake_decision decision = intake_decide(&copy, view);
    return decision.resubscribe || decision.hand_back || lanes_is_due(&delivery->lanes, view->now_ms);
}

/* Takes more, less or nothing, as the intake decides. */
static int64_t adjust_intake(struct delivery *delivery, struct broker *broker, const struct intake_view *view)
{
    delivery_uncork(delivery); /* subscribing waits for answers */
    struct intake_decision decision = intake_decide(&delivery->intake, view);
    if (delivery->draining && view->waiting > 0)
        decision.hand_back = true;
    struct err err = ERR_INIT;
    if (!apply(delivery, broker, &decision, view->now_ms, &err) ||
        !lanes_look_again(&delivery->lanes, broker, view->now_ms, &err))
        broker_link_fail(delivery->link, &err);
    return earlier(decision.next_ms, delivery->lanes.look_again_ms);
}

/*
 * What is said to the broker in this round: either a changed subscription, or results.
 *
 * A broker that is short of memory or disk stops reading from a connection at its next publish, and tells so
 * (connection.blocked) before it confirms. Changing the subscription waits for an answer, which would not
 * come then. So the subscription is changed only while nothing published is unconfirmed, and while a change
 * is due nothing more is published.
 */
static int64_t talk(struct delivery *delivery, int64_t now_ms)
{
    struct broker *broker = broker_link_broker(delivery->link);
    if (broker == NULL || delivery->blocked)
        return -1;
    if (delivery->orders_due_ms != 0 && now_ms >= delivery->orders_due_ms) {
        log_warn("no collector has said which jobs are cancelled: taking tasks all the same");
        delivery->orders_due_ms = 0;
    }
    struct intake_view view = view_intake(delivery, now_ms);
    bool unconfirmed = delivery->event_sequence != 0 || ledger_count(delivery->ledger, ENTRY_PUBLISHED) > 0;
    if (unconfirmed && wants_change(delivery, &view))
        return -1; /* the confirm calls again */
    int64_t next_ms = delivery->orders_due_ms != 0 ? delivery->orders_due_ms : -1;
    if (!unconfirmed)
        next_ms = earlier(next_ms, adjust_intake(delivery, broker, &view));
    next_ms = earlier(next_ms, delivery_publish(delivery, now_ms));
    return earlier(next_ms, ledger_next_retry_ms(delivery->ledger));
}

int64_t delivery_step(struct delivery *delivery, int64_t now_ms)
{
    delivery_release_suspect(delivery);
    int64_t next_ms = runner_step(delivery->options.runner, now_ms);
    ledger_expire(delivery->ledger, now_ms);
    next_ms = earlier(next_ms, talk(delivery, now_ms));
    next_ms = earlier(next_ms, delivery_acknowledge(delivery, now_ms));
    delivery_uncork(delivery);
    replies_step(delivery->replies);
    return next_ms;
}

void delivery_drain(struct delivery *delivery)
{
    delivery->draining = true;
}

bool delivery_is_quiet(const struct delivery *delivery)
{
    /* What waits does not count: it belongs to the broker. */
    return ledger_total(delivery->ledger) == ledger_count(delivery->ledger, ENTRY_WAITING);
}

void delivery_state(const struct delivery *delivery, struct delivery_state *state)
{
    const struct ledger *ledger = delivery->ledger;
    *state = (struct delivery_state){
        .connected = broker_link_broker(delivery->link) != NULL,
        .blocked = delivery->blocked,
        .consuming = delivery->lanes.prefetch > 0,
        .draining = delivery->draining,
        .waiting = ledger_count(ledger, ENTRY_WAITING),
        .running = ledger_count(ledger, ENTRY_RUNNING),
        .unpublished = ledger_count(ledger, ENTRY_FINISHED),
        .unconfirmed = ledger_count(ledger, ENTRY_PUBLISHED),
        .held = ledger_refused(ledger),
        .prefetch = delivery->lanes.prefetch,
        .cautious = delivery->intake.cautious,
    };
}

const struct stats *delivery_stats(const struct delivery *delivery)
{
    return &delivery->stats;
}
