#include "worker/service.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/delivery.h"
#include "worker/http_status.h"

enum phase { PHASE_SERVING, PHASE_DRAINING, PHASE_OVER };

struct service {
    const struct service_options *options;
    struct loop *loop;
    struct runner *runner;
    struct delivery *delivery;
    struct http_server *http;
    struct loop_timer *wake;      /* the step's next deadline */
    struct loop_timer *heartbeat; /* the next event to the fleet */
    const struct runtime **served;
    size_t served_count;
    enum phase phase;
    int64_t started_ms;
    int64_t drain_until_ms;
};

static void set_phase(struct service *service, enum phase phase)
{
    service->phase = phase;
    if (phase == PHASE_DRAINING) {
        int64_t drain_s = service->options->config->drain_s;
        service->drain_until_ms = clock_ms() + drain_s * 1000;
        delivery_drain(service->delivery);
        runner_set_parking(service->runner, false);
        log_info("draining: what runs gets %" PRId64 " s, the rest goes back to its queue", drain_s);
    } else if (phase == PHASE_OVER) {
        loop_stop(service->loop);
    }
}

static void on_signal(void *context, int signal_number)
{
    struct service *service = context;
    (void)signal_number;
    if (service->phase == PHASE_SERVING)
        set_phase(service, PHASE_DRAINING);
    else
        set_phase(service, PHASE_OVER);
}

/* After each round of events: all work of the round is done here, never from inside a handler of the
 * connection, because subscribing waits for the broker's answers. */
static void step(void *context)
{
    struct service *service = context;
    if (service->phase == PHASE_OVER)
        return;
    int64_t now_ms = clock_ms();
    int64_t next_ms = delivery_step(service->delivery, now_ms);
    if (service->phase == PHASE_DRAINING) {
        if (delivery_is_quiet(service->delivery) || now_ms >= service->drain_until_ms) {
            set_phase(service, PHASE_OVER);
            next_ms = now_ms; /* wakes the loop, which is about to wait */
        } else if (next_ms < 0 || next_ms > service->drain_until_ms) {
            next_ms = service->drain_until_ms;
        }
    }
    if (next_ms >= 0)
        loop_timer_set(service->wake, next_ms);
    else
        loop_timer_stop(service->wake);
}

static void on_wake(void *context)
{
    (void)context; /* the step follows by itself */
}

static void on_heartbeat(void *context)
{
    struct service *service = context;
    delivery_heartbeat(service->delivery);
    loop_timer_set(service->heartbeat, clock_ms() + DELIVERY_HEARTBEAT_S * 1000);
}

static void take_picture(struct service *service, struct worker_picture *picture)
{
    *picture = (struct worker_picture){.name = service->options->config->name,
                                       .uptime_ms = clock_ms() - service->started_ms,
                                       .served = service->served,
                                       .served_count = service->served_count,
                                       .stats = delivery_stats(service->delivery)};
    runner_state(service->runner, &picture->runner);
    delivery_state(service->delivery, &picture->delivery);
}

static bool on_ready_asked(void *context)
{
    struct worker_picture picture;
    take_picture(context, &picture);
    return http_status_ready(&picture);
}

static void on_status_asked(void *context, struct buf *out)
{
    struct worker_picture picture;
    take_picture(context, &picture);
    http_status_json(&picture, out);
}

static void on_metrics_asked(void *context, struct buf *out)
{
    struct worker_picture picture;
    take_picture(context, &picture);
    http_status_metrics(&picture, out);
}

static bool list_served(struct service *service, struct err *err)
{
    const struct self_tests *tests = service->options->tests;
    service->served = calloc(tests->count > 0 ? tests->count : 1, sizeof(*service->served));
    if (service->served == NULL)
        return err_set(err, ERR_NO_MEMORY, "cannot list the runtimes");
    for (size_t i = 0; i < tests->count; i++)
        if (tests->items[i].passed)
            service->served[service->served_count++] = tests->items[i].runtime;
    return true;
}

static bool open_listeners(struct service *service, struct err *err)
{
    static const int signals[] = {SIGTERM, SIGINT};
    const struct worker_config *config = service->options->config;
    if (!loop_watch_signals(service->loop, signals, ARRAY_SIZE(signals), on_signal, service, err))
        return false;
    struct http_server_source source = {
        .context = service, .ready = on_ready_asked, .status = on_status_asked, .metrics = on_metrics_asked};
    service->http = http_server_open(service->loop, config->http_listen, &source, err);
    if (service->http == NULL && config->http_listen[0] != '\0')
        return err_wrap(err, "http.listen %s", config->http_listen);
    service->wake = loop_timer_new(service->loop, on_wake, service);
    service->heartbeat = loop_timer_new(service->loop, on_heartbeat, service);
    return (service->wake != NULL && service->heartbeat != NULL) ||
           err_set(err, ERR_NO_MEMORY, "cannot allocate the timers");
}

static bool serve(struct service *service, struct err *err)
{
    const struct worker_config *config = service->options->config;
    struct delivery_options options = {.config = config,
                                       .runtimes = service->options->runtimes,
                                       .served = service->served,
                                       .served_count = service->served_count,
                                       .runner = service->runner};
    service->delivery = delivery_open(service->loop, &options, err);
    if (service->delivery == NULL || !open_listeners(service, err))
        return false;
    runner_set_persistent(service->runner, true);
    runner_set_parking(service->runner, true);
    log_info("ready: worker %s, %" PRId64 " slot(s), %zu runtime(s)", config->name, config->slots,
             service->served_count);
    loop_timer_set(service->heartbeat, clock_ms() + DELIVERY_HEARTBEAT_S * 1000);
    loop_set_prepare(service->loop, step, service);
    return loop_run(service->loop, err);
}

bool service_run(struct loop *loop, const struct service_options *options, struct runner *runner,
                 struct err *err)
{
    struct service service = {.options = options, .loop = loop, .runner = runner, .started_ms = clock_ms()};
    if (options->config->reply_amqp_url[0] == '\0')
        log_warn("reply_amqp_url is not set (ASSAY_REPLY_AMQP_URL): reply_to is not served");
    bool ok = list_served(&service, err) && serve(&service, err);
    loop_set_prepare(loop, NULL, NULL);
    http_server_close(service.http);
    /* First the slots, which hold tasks of the delivery; then the connection, whose end gives the rest back.
     */
    runner_close(runner);
    delivery_close(service.delivery);
    loop_timer_free(service.wake);
    loop_timer_free(service.heartbeat);
    free(service.served);
    if (ok)
        log_info("goodbye");
    return ok;
}
