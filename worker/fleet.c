#include "worker/fleet.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/message/names.h"
#include "worker/delivery.h"

bool fleet_listen(struct broker *broker, const char *worker, struct err *err)
{
    /* A fresh name each time: the exclusive queue of a connection that the broker still holds for alive would
     * refuse us. */
    char queue[256];
    char random[9];
    text_random_hex(random, 4);
    (void)snprintf(queue, sizeof queue, "%s%s.%s", QUEUE_CONTROL_PREFIX, worker, random);
    struct broker_queue_options options = {.exclusive = true, .auto_delete = true};
    return (broker_declare_queue(broker, queue, &options, NULL, err) &&
            broker_bind_queue(broker, queue, EXCHANGE_CONTROL, "", err) &&
            broker_consume(broker, queue, FLEET_CONTROL_TAG, true, true, NULL, err)) ||
           err_wrap(err, "control queue %s", queue);
}

bool fleet_tell(struct broker *broker, const struct worker_event *event, uint64_t *sequence, struct err *err)
{
    autobuf struct buf body = BUF_INIT;
    autobuf struct buf key = BUF_INIT;
    worker_event_to_json(event, &body);
    buf_printf(&key, "worker.%s", event->worker);
    if (body.failed || key.failed)
        return err_set(err, ERR_NO_MEMORY, "cannot build the worker's event");
    struct broker_message message = {.exchange = EXCHANGE_EVENTS,
                                     .routing_key = buf_text(&key),
                                     .body = body.data,
                                     .body_size = body.size,
                                     .content_type = CONTENT_TYPE_JSON,
                                     .type = TYPE_EVENT,
                                     .app_id = "assay-worker",
                                     .timestamp_s = clock_unix_ms() / 1000};
    /* A hello that comes back says that there is no collector to answer it. */
    return broker_publish(broker, &message, event->kind == WORKER_HELLO, sequence, err) ||
           err_wrap(err, "publish the worker's event");
}

void fleet_event_init(struct worker_event *event, const char *worker)
{
    memset(event, 0, sizeof *event);
    (void)snprintf(event->worker, sizeof event->worker, "%s", worker);
    (void)gethostname(event->host, sizeof event->host - 1);
    if (!text_is_id(event->host, strlen(event->host)))
        (void)snprintf(event->host, sizeof event->host, "unknown");
    event->pid = getpid();
    (void)snprintf(event->version, sizeof event->version, "%s", ASSAY_VERSION);
    event->started_at_ms = clock_unix_ms();
    event->heartbeat_s = DELIVERY_HEARTBEAT_S;
}
