/*
 * The worker's side of the broker: takes deliveries, hands their tasks to the runner, publishes the results,
 * and acknowledges each task after its result's publisher confirm. The rules of a delivery's life are the
 * ledger's, how much is taken is the intake's, what runs next is the runner's; here they meet the connection.
 */
#ifndef ASSAY_WORKER_DELIVERY_H
#define ASSAY_WORKER_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/runtimes.h"
#include "worker/config.h"
#include "worker/runner.h"
#include "worker/stats.h"

struct delivery;

struct delivery_options { /* all borrowed */
    const struct worker_config *config;
    const struct runtimes *runtimes;
    const struct runtime *const *served; /* whose self-test passed */
    size_t served_count;
    struct runner *runner;
};

/* Connects, says hello and subscribes; the error of the first attempt is returned (no connection afterwards
 * either). Later losses are repaired in the background. */
struct delivery *delivery_open(struct loop *loop, const struct delivery_options *options, struct err *err);
/* Says goodbye where a connection is; what is not acknowledged goes back to its queue. NULL is fine. */
void delivery_close(struct delivery *delivery);

/* Starts tasks, publishes results, adjusts the subscription. Call after each round of events. Returns when it
 * wants to be called again at the latest (clock_ms scale), -1 = only after an event. */
int64_t delivery_step(struct delivery *delivery, int64_t now_ms);
/* The worker's heartbeat event; call every DELIVERY_HEARTBEAT_S. */
void delivery_heartbeat(struct delivery *delivery);
#define DELIVERY_HEARTBEAT_S 10

/* From now on: consumes no more, gives back what waits; what runs goes on. */
void delivery_drain(struct delivery *delivery);
/* Nothing runs and no result is unconfirmed. */
bool delivery_is_quiet(const struct delivery *delivery);

struct delivery_state {
    bool connected, blocked, consuming, draining;
    size_t waiting, running, unpublished, unconfirmed;
    size_t held; /* results that the broker refused and has not taken since */
    uint16_t prefetch;
    bool cautious;
};
void delivery_state(const struct delivery *delivery, struct delivery_state *state);
const struct stats *delivery_stats(const struct delivery *delivery);

#endif
