/* What the collector counts since its start; shown by /status and /metrics. */
#ifndef ASSAY_COLLECTOR_STATS_H
#define ASSAY_COLLECTOR_STATS_H

#include <stdint.h>

#include "collector/row.h"
#include "common/histogram.h"
#include "common/message/result.h"

struct stats {
    int64_t results;                            /* messages taken from assay.results that are results */
    int64_t stored[STATUS_COUNT][REASON_COUNT]; /* rows that the batches held, duplicates apart */
    int64_t inserted, replaced, duplicates, refused, unreadable;
    int64_t batches;
    struct histogram commit; /* from sending a batch to its commit */
    struct histogram queued,
        run; /* of the stored tasks that ran: waiting in the queue; set-up, compile and run */
    int64_t jobs, cancels, events, dead_tasks, dead_results, deleted;
    int64_t broker_losses;
    int64_t started_at_ms; /* Unix epoch */
};

/* A committed row. */
void stats_store(struct stats *stats, const struct row *row);

#endif
