#include "worker/lanes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/message/names.h"

static const enum task_lane lane_order[] = {LANE_INTERACTIVE, LANE_NORMAL, LANE_BULK};

static void name_queue(struct lane *lane)
{
    bool normal = lane->lane == LANE_NORMAL;
    (void)snprintf(lane->queue, sizeof lane->queue, "%s%s%s%s", QUEUE_TASKS_PREFIX, lane->runtime->name,
                   normal ? "" : ".", normal ? "" : task_lane_name(lane->lane));
}

bool lanes_init(struct lanes *lanes, const char *worker, const struct runtime *const *runtimes, size_t count,
                struct err *err)
{
    *lanes = (struct lanes){.worker = worker, .look_again_ms = -1};
    lanes->items = calloc(count * ARRAY_SIZE(lane_order), sizeof *lanes->items);
    if (lanes->items == NULL)
        return err_set(err, ERR_NO_MEMORY, "cannot allocate the lanes");
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(lane_order); j++) {
            struct lane *lane = &lanes->items[lanes->count++];
            lane->runtime = runtimes[i];
            lane->lane = lane_order[j];
            name_queue(lane);
        }
    }
    return true;
}

void lanes_free(struct lanes *lanes)
{
    free(lanes->items);
    *lanes = (struct lanes){.look_again_ms = -1};
}

/* A missing queue would be a channel exception, which costs the connection: so it is asked for first. */
static bool subscribe_lane(struct lanes *lanes, struct lane *lane, struct broker *broker, int64_t now_ms,
                           struct err *err)
{
    bool exists;
    uint32_t messages, consumers;
    if (!broker_inspect_queue(broker, lane->queue, &exists, &messages, &consumers, err))
        return err_wrap(err, "look for queue %s", lane->queue);
    if (!exists) {
        if (!lane->missing)
            log_error("queue %s does not exist: no task of it is run; load the broker definitions of "
                      "conf/broker with runtime %s in them; looking for it every %d s",
                      lane->queue, lane->runtime->name, LANES_LOOK_AGAIN_MS / 1000);
        lane->missing = true;
        lanes->look_again_ms = now_ms + LANES_LOOK_AGAIN_MS;
        return true;
    }
    if (lane->missing)
        log_info("queue %s exists now", lane->queue);
    lane->missing = false;
    char tag[sizeof lane->consumer_tag];
    (void)snprintf(tag, sizeof tag, "%s#%" PRIu64 " %s", lane->queue, lanes->subscription, lanes->worker);
    if (!broker_consume(broker, lane->queue, tag, false, false, NULL, err))
        return err_wrap(err, "consume from queue %s", lane->queue);
    memcpy(lane->consumer_tag, tag, sizeof tag);
    return true;
}

static bool subscribe_rest(struct lanes *lanes, struct broker *broker, int64_t now_ms, struct err *err)
{
    lanes->look_again_ms = -1;
    if (!broker_set_prefetch(broker, lanes->prefetch, err))
        return err_wrap(err, "set prefetch %u", (unsigned)lanes->prefetch);
    for (size_t i = 0; i < lanes->count; i++) {
        struct lane *lane = &lanes->items[i];
        if (lane->consumer_tag[0] == '\0' && !subscribe_lane(lanes, lane, broker, now_ms, err))
            return false;
    }
    return true;
}

bool lanes_subscribe(struct lanes *lanes, struct broker *broker, uint16_t prefetch, int64_t now_ms,
                     struct err *err)
{
    lanes->prefetch = prefetch;
    lanes->subscription++;
    return subscribe_rest(lanes, broker, now_ms, err);
}

bool lanes_is_due(const struct lanes *lanes, int64_t now_ms)
{
    return lanes->prefetch > 0 && lanes->look_again_ms >= 0 && lanes->look_again_ms <= now_ms;
}

bool lanes_look_again(struct lanes *lanes, struct broker *broker, int64_t now_ms, struct err *err)
{
    if (!lanes_is_due(lanes, now_ms))
        return true;
    return subscribe_rest(lanes, broker, now_ms, err);
}

bool lanes_unsubscribe(struct lanes *lanes, struct broker *broker, struct err *err)
{
    lanes->prefetch = 0;
    lanes->look_again_ms = -1;
    for (size_t i = 0; i < lanes->count; i++) {
        struct lane *lane = &lanes->items[i];
        if (lane->consumer_tag[0] == '\0')
            continue;
        if (!broker_cancel(broker, lane->consumer_tag, err))
            return err_wrap(err, "stop consuming from queue %s", lane->queue);
        lane->consumer_tag[0] = '\0';
    }
    return true;
}

void lanes_lose_connection(struct lanes *lanes)
{
    lanes->prefetch = 0;
    lanes->look_again_ms = -1;
    for (size_t i = 0; i < lanes->count; i++)
        lanes->items[i].consumer_tag[0] = '\0';
}

void lanes_consumer_cancelled(struct lanes *lanes, const char *consumer_tag, int64_t now_ms)
{
    for (size_t i = 0; i < lanes->count; i++) {
        struct lane *lane = &lanes->items[i];
        if (strcmp(lane->consumer_tag, consumer_tag) != 0)
            continue;
        log_error("the broker ended the consumer of queue %s (the queue was deleted, or its leader lost): "
                  "looking for it again",
                  lane->queue);
        lane->consumer_tag[0] = '\0';
        lane->missing = true;
        lanes->look_again_ms = now_ms + LANES_LOOK_AGAIN_MS / 5;
    }
}

const struct lane *lanes_find(const struct lanes *lanes, const char *consumer_tag)
{
    const char *mark = strrchr(consumer_tag, '#');
    size_t size = mark != NULL ? (size_t)(mark - consumer_tag) : 0;
    for (size_t i = 0; i < lanes->count; i++) {
        const struct lane *lane = &lanes->items[i];
        if (strlen(lane->queue) == size && memcmp(lane->queue, consumer_tag, size) == 0)
            return lane;
    }
    return NULL;
}
