/* What the worker counts, for /metrics, /status and its heartbeats. Pure. */
#ifndef ASSAY_WORKER_STATS_H
#define ASSAY_WORKER_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/histogram.h"
#include "common/message/result.h"

struct stats {
    uint64_t tasks[STATUS_COUNT][REASON_COUNT];
    struct histogram seconds;
};

/* Time of set-up, compile and run counts as the task's seconds; a task that did not start has none. */
void stats_count(struct stats *stats, const struct result *result);
uint64_t stats_tasks(const struct stats *stats);
uint64_t stats_errors(const struct stats *stats); /* those with status error */
/* assay_worker_tasks_total and assay_worker_task_seconds in the Prometheus text format. */
void stats_print_metrics(const struct stats *stats, struct buf *out);

#endif
