/* /readyz, /status and /metrics of a serving worker. */
#ifndef ASSAY_WORKER_HTTP_STATUS_H
#define ASSAY_WORKER_HTTP_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/delivery.h"
#include "worker/runner.h"

/* A moment's picture of the worker. */
struct worker_picture {
    const char *name;
    int64_t uptime_ms;
    const struct runtime *const *served;
    size_t served_count;
    struct runner_state runner;
    struct delivery_state delivery;
    const struct stats *stats;
};

/* Connected, healthy, and able to get rid of results: not draining, blocked or holding any. */
bool http_status_ready(const struct worker_picture *picture);
void http_status_json(const struct worker_picture *picture, struct buf *out);
void http_status_metrics(const struct worker_picture *picture, struct buf *out);

#endif
