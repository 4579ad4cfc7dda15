/*
 * The worker's subscriptions: a consumer on each lane's queue of each runtime that it serves. Queues belong
 * to the broker's definitions; one that is missing is logged with its name and the remedy, the others are
 * consumed all the same, and the missing ones are looked for again.
 */
#ifndef ASSAY_WORKER_LANES_H
#define ASSAY_WORKER_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/broker.h"
#include "common/err.h"
#include "common/message/task.h"
#include "common/runtimes.h"

#define LANES_LOOK_AGAIN_MS 5000

struct lane {
    const struct runtime *runtime;
    enum task_lane lane;
    char queue[160];
    char consumer_tag[256]; /* "QUEUE#SUBSCRIPTION WORKER"; "" = not consuming */
    bool missing;           /* when last looked for */
};

struct lanes {
    const char *worker; /* its name; outlives this */
    struct lane *items; /* a runtime's three lanes stand together, interactive first */
    size_t count;
    uint64_t subscription; /* part of each tag: a new subscription never reuses one */
    uint16_t prefetch;     /* of the standing subscription; 0 = none */
    int64_t look_again_ms; /* clock_ms scale; -1 = nothing is missing */
};

bool lanes_init(struct lanes *lanes, const char *worker, const struct runtime *const *runtimes, size_t count,
                struct err *err);
void lanes_free(struct lanes *lanes);

/* These wait for the broker's answers; a failure means that the connection is dead. */
bool lanes_subscribe(struct lanes *lanes, struct broker *broker, uint16_t prefetch, int64_t now_ms,
                     struct err *err);
bool lanes_unsubscribe(struct lanes *lanes, struct broker *broker, struct err *err);
/* Is it time to look for missing queues? */
bool lanes_is_due(const struct lanes *lanes, int64_t now_ms);
/* Joins queues that have appeared to the standing subscription, when it is time to look. */
bool lanes_look_again(struct lanes *lanes, struct broker *broker, int64_t now_ms, struct err *err);

/* The connection is gone, and all consumers with it. */
void lanes_lose_connection(struct lanes *lanes);
/* basic.cancel from the broker: the queue was deleted. */
void lanes_consumer_cancelled(struct lanes *lanes, const char *consumer_tag, int64_t now_ms);

/* The lane that a delivery belongs to, also of a subscription that was ended meanwhile. */
const struct lane *lanes_find(const struct lanes *lanes, const char *consumer_tag);

#endif
