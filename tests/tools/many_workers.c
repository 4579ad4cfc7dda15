/*
 * Simulated workers: so many connections, each with all that a worker of one runtime has at the broker: a
 * control queue, a hello and a heartbeat every ten seconds, a consumer on each of the three lanes. Each
 * answers each task at once with a pass, acknowledged after its confirm. For loading a broker with a large
 * fleet from one process; the tests/scale campaign uses it, and it is never installed.
 *
 *   usage: tool_many_workers URL RUNTIME COUNT PREFETCH       runs until SIGTERM or SIGINT
 *
 * Says "ready" when all consume, then twice a second the milliseconds (monotonic) and how many tasks are
 * done. Opening waits for the broker's answers; what comes after never does: publisher confirms were asked
 * for with the hello.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "common/text.h"
#include "worker/fleet.h"

#define PREFETCH_MAX    64
#define LANES           3
#define TICK_MS         500
#define HEARTBEAT_TICKS 20

struct fleet;

struct connection {
    struct fleet *fleet;
    struct broker *broker;
    struct loop_watch *watch;
    /* Published and not confirmed: sequence and delivery tag. */
    struct {
        uint64_t sequence, tag;
    } open[LANES * PREFETCH_MAX];
    struct worker_event event;
};

struct fleet {
    struct loop *loop;
    struct loop_timer *tick;
    struct connection *connections;
    size_t count;
    uint64_t done, ticks;
    bool failed;
};

static void die(struct fleet *fleet, const struct err *why)
{
    (void)fprintf(stderr, "many_workers: %s\n", why->text);
    fleet->failed = true;
    loop_stop(fleet->loop);
}

static void on_delivery(void *context, const struct broker_delivery *delivery)
{
    struct connection *connection = context;
    if (strcmp(delivery->consumer_tag, FLEET_CONTROL_TAG) == 0)
        return;
    const char *id = delivery->message.message_id != NULL ? delivery->message.message_id : "unknown";
    char body[1024];
    int size = snprintf(
        body, sizeof body,
        "{\"task_id\":\"%s\",\"job_id\":\"scale\",\"runtime\":\"bash\",\"status\":\"pass\","
        "\"reason\":\"ok\",\"test_pass_rate\":1.0,\"passed\":1,\"total\":1,\"worker\":\"simulated\"}",
        id);
    const struct broker_message message = {.exchange = EXCHANGE_RESULTS,
                                           .routing_key = "scale.pass",
                                           .body = body,
                                           .body_size = (size_t)size,
                                           .content_type = CONTENT_TYPE_JSON,
                                           .type = TYPE_RESULT,
                                           .message_id = id,
                                           .persistent = true};
    struct err err = ERR_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(connection->open); i++) {
        if (connection->open[i].tag != 0)
            continue;
        connection->open[i].tag = delivery->tag;
        if (!broker_publish(connection->broker, &message, true, &connection->open[i].sequence, &err))
            die(connection->fleet, &err);
        return;
    }
}

static void on_confirm(void *context, uint64_t sequence, bool multiple, bool accepted)
{
    struct connection *connection = context;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(connection->open); i++) {
        if (connection->open[i].tag == 0 || !(connection->open[i].sequence == sequence ||
                                              (multiple && connection->open[i].sequence < sequence)))
            continue;
        if (!(accepted ? broker_ack(connection->broker, connection->open[i].tag, false, &err)
                       : broker_reject(connection->broker, connection->open[i].tag, true, &err)))
            die(connection->fleet, &err);
        connection->open[i].tag = 0;
        connection->fleet->done++;
    }
}

static void process(struct connection *connection)
{
    struct err err = ERR_INIT;
    if (!connection->fleet->failed && !broker_process(connection->broker, &err))
        die(connection->fleet, &err);
}

static void on_readable(void *context, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    process(context);
}

/* Heartbeats: each tick those of a part of the fleet. */
static void on_tick(void *context)
{
    struct fleet *fleet = context;
    struct err err = ERR_INIT;
    for (size_t i = fleet->ticks++ % HEARTBEAT_TICKS; i < fleet->count && !fleet->failed;
         i += HEARTBEAT_TICKS) {
        struct connection *connection = &fleet->connections[i];
        connection->event.kind = WORKER_HEARTBEAT;
        if (!fleet_tell(connection->broker, &connection->event, NULL, &err))
            die(fleet, &err);
    }
    (void)printf("%" PRId64 " %" PRIu64 "\n", clock_ms(), fleet->done);
    (void)fflush(stdout);
    loop_timer_set(fleet->tick, clock_ms() + TICK_MS);
}

static void on_signal(void *context, int number)
{
    struct fleet *fleet = context;
    (void)number;
    loop_stop(fleet->loop);
}

static bool consume_lanes(struct connection *connection, const char *runtime, struct err *err)
{
    static const char *const lanes[LANES] = {".interactive", "", ".bulk"};
    for (size_t i = 0; i < LANES; i++) {
        char queue[128];
        (void)snprintf(queue, sizeof queue, "%s%s%s", QUEUE_TASKS_PREFIX, runtime, lanes[i]);
        if (!broker_consume(connection->broker, queue, NULL, false, false, NULL, err))
            return false;
    }
    return true;
}

static bool open_connection(struct connection *connection, const char *url, const char *runtime,
                            uint16_t prefetch, struct err *err)
{
    char name[64];
    (void)snprintf(name, sizeof name, "simulated-%zu", connection->fleet->count + 1);
    fleet_event_init(&connection->event, name);
    connection->event.kind = WORKER_HELLO;
    connection->event.slots = prefetch;
    (void)snprintf(connection->event.runtimes, sizeof connection->event.runtimes, "%s", runtime);
    const struct broker_options options = {.url = url,
                                           .connection_name = "assay-worker simulated",
                                           .heartbeat_s = 0, /* opening a thousand takes longer than one */
                                           .connect_timeout_ms = 60000};
    const struct broker_handler handler = {
        .context = connection, .on_delivery = on_delivery, .on_confirm = on_confirm};
    connection->broker = broker_open(&options, &handler, err);
    if (connection->broker == NULL)
        return false;
    connection->watch = loop_watch_fd(connection->fleet->loop, broker_fd(connection->broker), EPOLLIN,
                                      on_readable, connection, err);
    return connection->watch != NULL && fleet_listen(connection->broker, name, err) &&
           fleet_tell(connection->broker, &connection->event, NULL, err) &&
           broker_set_prefetch(connection->broker, prefetch, err) && consume_lanes(connection, runtime, err);
}

static bool run(struct fleet *fleet, char **words, struct err *err)
{
    static const int signals[] = {SIGTERM, SIGINT};
    uint64_t count = 0;
    uint64_t prefetch = 0;
    if (!text_parse_u64(words[2], &count) || !text_parse_u64(words[3], &prefetch) || count == 0 ||
        prefetch == 0 || prefetch > PREFETCH_MAX)
        return err_set(err, ERR_USAGE, "COUNT from 1, PREFETCH from 1 to %d", PREFETCH_MAX);
    fleet->loop = loop_open(err);
    fleet->connections = calloc(count, sizeof *fleet->connections);
    if (fleet->loop == NULL || fleet->connections == NULL ||
        !loop_watch_signals(fleet->loop, signals, (int)ARRAY_SIZE(signals), on_signal, fleet, err))
        return false;
    for (; fleet->count < count; fleet->count++) {
        struct connection *connection = &fleet->connections[fleet->count];
        connection->fleet = fleet;
        if (!open_connection(connection, words[0], words[1], (uint16_t)prefetch, err))
            return err_wrap(err, "connection %zu", fleet->count + 1);
    }
    (void)printf("ready\n");
    fleet->tick = loop_timer_new(fleet->loop, on_tick, fleet);
    on_tick(fleet);
    return loop_run(fleet->loop, err) && !fleet->failed;
}

int main(int argc, char **argv)
{
    struct fleet fleet = {0};
    struct err err = ERR_INIT;
    if (argc != 5) {
        (void)fprintf(stderr, "usage: tool_many_workers URL RUNTIME COUNT PREFETCH\n");
        return 2;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    bool ok = run(&fleet, argv + 1, &err);
    if (!ok)
        (void)fprintf(stderr, "many_workers: %s\n", err.text);
    for (size_t i = 0; i < fleet.count; i++) {
        loop_watch_remove(fleet.connections[i].watch);
        broker_close(fleet.connections[i].broker);
    }
    loop_timer_free(fleet.tick);
    free(fleet.connections);
    if (fleet.loop != NULL)
        loop_close(fleet.loop);
    return ok ? 0 : 1;
}
