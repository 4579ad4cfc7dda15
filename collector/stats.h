/* What the collector counts since its start; shown by /status and /metrics. */
#ifndef ASSAY_COLLECTOR_STATS_H
#define ASSAY_COLLECTOR_STATS_H

#include <stdint.h>

#include "common/message/result.h"

/* Upper bounds in milliseconds; the last bucket has none. */
#define STATS_COMMIT_BOUNDS                                                                                  \
    {                                                                                                        \
        2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000                                                          \
    }
enum { STATS_COMMIT_BUCKETS = 11 };

struct stats {
    int64_t results;              /* messages taken from assay.results that are results */
    int64_t stored[STATUS_COUNT]; /* rows that the batches held, by status, duplicates apart */
    int64_t inserted, replaced, duplicates, refused, unreadable;
    int64_t batches, commits;
    int64_t commit_ms_sum;
    int64_t commit_buckets[STATS_COMMIT_BUCKETS];
    int64_t jobs, cancels, events, dead_tasks, dead_results, deleted;
    int64_t broker_losses;
    int64_t started_at_ms; /* Unix epoch */
};

void stats_commit(struct stats *stats, int64_t ms);

#endif
