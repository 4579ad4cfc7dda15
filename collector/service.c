#include "collector/service.h"

#include <signal.h>
#include <string.h>

#include "collector/migrate.h"
#include "collector/pages.h"
#include "collector/service_parts.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/message/names.h"

#define CONNECT_TIMEOUT_MS 10000

/* --- the broker --- */

static void on_delivery(void *context, const struct broker_delivery *delivery)
{
    intake_take(context, delivery);
}

static void on_confirm(void *context, uint64_t sequence, bool multiple, bool accepted)
{
    struct service *service = context;
    outbox_confirm(service->outbox, sequence, multiple, accepted, clock_ms());
}

static void on_return(void *context, const struct broker_message *message, int code, const char *text)
{
    struct service *service = context;
    (void)code;
    outbox_return(service->outbox, message, text);
}

static void on_blocked(void *context, const char *reason)
{
    struct service *service = context;
    outbox_block(service->outbox, reason != NULL);
    if (reason != NULL)
        log_warn("the broker blocks publishers (%s): what is to be told to workers and waiting producers is "
                 "held; storing goes on with what has come",
                 reason);
    else
        log_info("the broker takes messages again");
}

static void on_consumer_cancelled(void *context, const char *consumer_tag)
{
    struct service *service = context;
    struct err err = ERR_INIT;
    err_set(&err, ERR_PROTOCOL, "the broker ended the consumer \"%s\": its queue was deleted", consumer_tag);
    broker_link_fail(service->link, &err);
}

/* A queue of our own for messages that every collector has to see: gone with the connection. */
static bool consume_own(struct service *service, struct broker *broker, const char *prefix,
                        const char *exchange, const char *key, const char *tag, struct err *err)
{
    const struct broker_queue_options options = {.exclusive = true, .auto_delete = true};
    autobuf struct buf queue = BUF_INIT;
    buf_printf(&queue, "%s%s", prefix, service->config->name);
    return broker_declare_queue(broker, buf_text(&queue), &options, NULL, err) &&
           broker_bind_queue(broker, buf_text(&queue), exchange, key, err) &&
           broker_consume(broker, buf_text(&queue), tag, true, true, NULL, err);
}

static bool consume_results(struct broker *broker, struct err *err)
{
    return broker_consume(broker, QUEUE_RESULTS, TAG_RESULTS, false, false, NULL, err);
}

static bool cancel_results(struct broker *broker, struct err *err)
{
    return broker_cancel(broker, TAG_RESULTS, err);
}

static bool consume_dead(struct broker *broker, struct err *err)
{
    return broker_consume(broker, QUEUE_DEAD_TASKS, TAG_DEAD_TASKS, false, false, NULL, err) &&
           broker_consume(broker, QUEUE_DEAD_RESULTS, TAG_DEAD_RESULTS, false, false, NULL, err);
}

static bool cancel_dead(struct broker *broker, struct err *err)
{
    return broker_cancel(broker, TAG_DEAD_TASKS, err) && broker_cancel(broker, TAG_DEAD_RESULTS, err);
}

/* True when the bound was crossed: `held_back` is then turned over. */
static bool bound_crossed(const struct service *service, size_t held, const char *what, bool *held_back)
{
    size_t most = (size_t)service->config->held_bytes_max;
    if (*held_back ? held > most / 2 : held < most)
        return false;
    *held_back = !*held_back;
    if (*held_back)
        log_warn("%zu bytes of %s are held, held_bytes_max is %zu: taking no more until half of it is free",
                 held, what, most);
    else
        log_info("%zu bytes of %s are held: taking more again", held, what);
    return true;
}

/* The prefetch counts messages; this counts their bytes. */
static void bound_held_bytes(struct service *service)
{
    struct broker *broker = broker_link_broker(service->link);
    struct err err = ERR_INIT;
    bool ok = true;
    if (broker == NULL || service->draining)
        return;
    if (bound_crossed(service, service->items.bytes, "results", &service->held_back))
        ok = service->held_back ? cancel_results(broker, &err) : consume_results(broker, &err);
    if (ok && bound_crossed(service, service->dead_items.bytes, "dead messages", &service->dead_held_back))
        ok = service->dead_held_back ? cancel_dead(broker, &err) : consume_dead(broker, &err);
    if (!ok)
        broker_link_fail(service->link, &err);
}

static bool on_up(void *context, struct broker *broker, struct err *err)
{
    struct service *service = context;
    outbox_block(service->outbox, false);
    if (!broker_set_prefetch(broker, (uint16_t)service->config->prefetch, err) ||
        !consume_own(service, broker, QUEUE_EVENTS_PREFIX, EXCHANGE_EVENTS, "worker.#", TAG_EVENTS, err) ||
        !consume_own(service, broker, QUEUE_CONTROL_PREFIX, EXCHANGE_CONTROL, "", TAG_CONTROL, err))
        return false;
    service->held_back = false;
    service->dead_held_back = false;
    if (!service->draining && (!consume_results(broker, err) || !consume_dead(broker, err)))
        return false;
    log_info("connected to the broker; consuming");
    return true;
}

/* What came over the lost connection comes again: nothing that is not with the database yet needs to be kept.
 */
static void on_down(void *context, bool was_up, const struct err *why)
{
    struct service *service = context;
    log_warn("broker: %s; trying again", why->text);
    service->stats.broker_losses += was_up;
    acks_drop(&service->acks);
    store_drop(service->store);
    dead_drop(service->dead);
    outbox_drop(service->outbox);
}

static uint64_t oldest_unconfirmed(void *context)
{
    const struct service *service = context;
    return outbox_oldest_unconfirmed(service->outbox);
}

static void send_acks(struct service *service)
{
    struct broker *broker = broker_link_broker(service->link);
    uint64_t tag;
    bool multiple;
    while (broker != NULL && acks_next(&service->acks, &tag, &multiple)) {
        struct err err = ERR_INIT;
        if (!broker_ack(broker, tag, multiple, &err)) {
            broker_link_fail(service->link, &err);
            return;
        }
    }
}

/* --- one round --- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void set_wake(struct service *service, int64_t now_ms)
{
    int64_t deadline = earlier(store_deadline_ms(service->store), fleet_deadline_ms(service->fleet));
    deadline = earlier(deadline, outbox_deadline_ms(service->outbox));
    deadline = earlier(deadline, dead_deadline_ms(service->dead));
    if (deadline == INT64_MAX)
        loop_timer_stop(service->wake);
    else
        loop_timer_set(service->wake, deadline > now_ms ? deadline : now_ms + 1);
}

/* After each round of events: what the events made possible. */
static void step(void *context)
{
    struct service *service = context;
    struct err err = ERR_INIT;
    int64_t now_ms = clock_ms();
    store_step(service->store, now_ms, service->draining);
    fleet_step(service->fleet, now_ms);
    dead_step(service->dead, now_ms);
    if (!outbox_step(service->outbox, broker_link_broker(service->link), now_ms, &err))
        broker_link_fail(service->link, &err);
    replies_step(service->replies);
    send_acks(service);
    bound_held_bytes(service);
    if (service->draining && service->acks.open == 0)
        loop_stop(service->loop);
    set_wake(service, now_ms);
}

static void on_wake(void *context)
{
    (void)context; /* the round that follows does the work */
}

static void on_drain_over(void *context)
{
    struct service *service = context;
    log_warn("%zu messages could not be stored within drain_s; they go back to the queue",
             service->acks.open);
    loop_stop(service->loop);
}

static void on_signal(void *context, int signal_number)
{
    struct service *service = context;
    struct broker *broker = broker_link_broker(service->link);
    struct err err = ERR_INIT;
    if (service->draining) {
        log_info("%s again: ending at once", strsignal(signal_number));
        loop_stop(service->loop);
        return;
    }
    log_info("%s: storing what is held (%zu messages), then ending", strsignal(signal_number),
             service->acks.open);
    service->draining = true;
    loop_timer_set(service->drain, clock_ms() + service->config->drain_s * 1000);
    if (broker != NULL && ((!service->held_back && !cancel_results(broker, &err)) ||
                           (!service->dead_held_back && !cancel_dead(broker, &err))))
        broker_link_fail(service->link, &err);
}

/* --- HTTP --- */

static struct pages_state pages_of(struct service *service)
{
    return (struct pages_state){.name = service->config->name,
                                .broker_up = broker_link_broker(service->link) != NULL,
                                .database_up = database_is_up(service->database),
                                .database_trouble = database_trouble(service->database),
                                .draining = service->draining,
                                .held = service->acks.open,
                                .statements_waiting = database_waiting(service->database),
                                .database_retries = database_retries(service->database),
                                .stats = &service->stats};
}

static bool http_ready(void *context)
{
    struct pages_state state = pages_of(context);
    return state.broker_up && state.database_up && state.database_trouble == NULL && !state.draining;
}

static void http_status(void *context, struct buf *out)
{
    struct pages_state state = pages_of(context);
    pages_status(&state, out);
}

static void http_metrics(void *context, struct buf *out)
{
    struct pages_state state = pages_of(context);
    pages_metrics(&state, out);
}

/* --- opening and closing --- */

static bool open_loop(struct service *service, struct err *err)
{
    static const int signals[] = {SIGTERM, SIGINT};
    const struct http_server_source source = {service, http_ready, http_status, http_metrics};
    service->loop = loop_open(err);
    if (service->loop == NULL ||
        !loop_watch_signals(service->loop, signals, ARRAY_SIZE(signals), on_signal, service, err))
        return false;
    service->wake = loop_timer_new(service->loop, on_wake, service);
    service->drain = loop_timer_new(service->loop, on_drain_over, service);
    service->http = http_server_open(service->loop, service->config->http_listen, &source, err);
    return service->wake != NULL && service->drain != NULL &&
           (service->http != NULL || service->config->http_listen[0] == '\0');
}

static void make_parts(struct service *service)
{
    const struct collector_config *config = service->config;
    const struct batch_limits limits = {(size_t)config->batch_rows, (size_t)config->batch_bytes,
                                        config->batch_age_ms};
    const struct store_callbacks callbacks = {service, intake_stored, intake_refused};
    service->store = store_new(service->database, &limits, &callbacks, &service->stats);
    service->outbox = outbox_new();
    const struct dead_parts dead = {.database = service->database,
                                    .outbox = service->outbox,
                                    .replies = service->replies,
                                    .stats = &service->stats,
                                    .context = service,
                                    .store = intake_store,
                                    .finish = intake_finish};
    service->dead = dead_new(&dead);
    const struct jobs_parts jobs = {service->database, service->outbox, &service->stats,
                                    service,           intake_finish,   intake_refuse};
    service->jobs = jobs_new(&jobs);
    service->fleet = fleet_new(service->database, &service->stats);
    service->retention = retention_new(service->loop, service->database, config, &service->stats);
}

static bool open_broker(struct service *service, struct err *err)
{
    const struct broker_handler handler = {.context = service,
                                           .on_delivery = on_delivery,
                                           .on_confirm = on_confirm,
                                           .on_return = on_return,
                                           .on_consumer_cancelled = on_consumer_cancelled,
                                           .on_blocked = on_blocked};
    const struct broker_link_callbacks callbacks = {service, on_up, on_down, oldest_unconfirmed};
    autobuf struct buf name = BUF_INIT;
    buf_printf(&name, "assay-collector %s", service->config->name);
    const struct broker_options options = {.url = service->config->amqp_url,
                                           .connection_name = buf_text(&name),
                                           .heartbeat_s = (int)service->config->heartbeat_s,
                                           .confirm_timeout_s = (int)service->config->confirm_timeout_s,
                                           .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    service->link = broker_link_new(service->loop, &options, &handler, &callbacks, err);
    return service->link != NULL && broker_link_connect(service->link, err);
}

static bool service_open(struct service *service, struct err *err)
{
    const struct collector_config *config = service->config;
    if (!migrate_check(config->pg_url, err) || !open_loop(service, err))
        return false;
    service->database =
        database_new(service->loop, config->pg_url, config->name, config->statement_timeout_s);
    return database_connect(service->database, err) &&
           replies_open(&service->replies, service->loop, config->reply_amqp_url, "assay-collector",
                        config->name, (int)config->heartbeat_s, err) &&
           (make_parts(service), open_broker(service, err));
}

static void service_close(struct service *service)
{
    http_server_close(service->http);
    broker_link_free(service->link);
    replies_close(service->replies);
    if (service->outbox != NULL)
        outbox_drop(service->outbox);
    retention_free(service->retention);
    store_free(service->store);
    outbox_free(service->outbox);
    dead_free(service->dead);
    jobs_free(service->jobs);
    fleet_free(service->fleet);
    database_free(service->database);
    while (service->items.first != NULL)
        item_free(service->items.first);
    while (service->dead_items.first != NULL)
        item_free(service->dead_items.first);
    acks_free(&service->acks);
    loop_close(service->loop);
}

bool service_run(const struct collector_config *config, struct err *err)
{
    struct service service = {.config = config};
    service.stats.started_at_ms = clock_unix_ms();
    bool ok = service_open(&service, err);
    if (ok) {
        log_info("ready: collector %s, batches of %lld rows, retention %lld days", config->name,
                 (long long)config->batch_rows, (long long)config->retention_days);
        loop_set_prepare(service.loop, step, &service);
        ok = loop_run(service.loop, err);
        send_acks(&service);
        log_info("ended: %lld rows inserted, %lld replaced, %lld duplicates, %lld refused",
                 (long long)service.stats.inserted, (long long)service.stats.replaced,
                 (long long)service.stats.duplicates, (long long)service.stats.refused);
    }
    service_close(&service);
    return ok;
}
