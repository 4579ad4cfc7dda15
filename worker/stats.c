#include "worker/stats.h"

#include <inttypes.h>

/* Upper bounds in milliseconds; the last bucket has none. */
static const int64_t bucket_bounds_ms[STATS_BUCKETS - 1] = {10,   25,   50,    100,   250,  500,
                                                            1000, 2500, 10000, 30000, 60000};

void stats_count(struct stats *stats, const struct result *result)
{
    stats->tasks[result->status][result->reason]++;
    if (result->started_at_ms == 0)
        return;
    int64_t ms = result->setup_ms + result->compile_ms + result->run_ms;
    size_t bucket = 0;
    while (bucket < STATS_BUCKETS - 1 && ms > bucket_bounds_ms[bucket])
        bucket++;
    stats->seconds_buckets[bucket]++;
    stats->seconds_count++;
    stats->seconds_sum += (double)ms / 1000.0;
}

uint64_t stats_tasks(const struct stats *stats)
{
    uint64_t total = 0;
    for (int status = 0; status < STATUS_COUNT; status++)
        for (int reason = 0; reason < REASON_COUNT; reason++)
            total += stats->tasks[status][reason];
    return total;
}

uint64_t stats_errors(const struct stats *stats)
{
    uint64_t total = 0;
    for (int reason = 0; reason < REASON_COUNT; reason++)
        total += stats->tasks[STATUS_ERROR][reason];
    return total;
}

void stats_print_metrics(const struct stats *stats, struct buf *out)
{
    buf_append_text(out, "# HELP assay_worker_tasks_total Tasks that ended here, by verdict.\n"
                         "# TYPE assay_worker_tasks_total counter\n");
    for (int status = 0; status < STATUS_COUNT; status++)
        for (int reason = 0; reason < REASON_COUNT; reason++)
            if (stats->tasks[status][reason] > 0)
                buf_printf(out, "assay_worker_tasks_total{status=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
                           status_name((enum status)status), reason_name((enum reason)reason),
                           stats->tasks[status][reason]);
    buf_append_text(out,
                    "# HELP assay_worker_task_seconds Time of a task in its slot: set-up, compile, run.\n"
                    "# TYPE assay_worker_task_seconds histogram\n");
    uint64_t cumulative = 0;
    for (size_t i = 0; i < STATS_BUCKETS; i++) {
        cumulative += stats->seconds_buckets[i];
        if (i < STATS_BUCKETS - 1)
            buf_printf(out, "assay_worker_task_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
                       (double)bucket_bounds_ms[i] / 1000.0, cumulative);
        else
            buf_printf(out, "assay_worker_task_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", cumulative);
    }
    buf_printf(out, "assay_worker_task_seconds_sum %.3f\nassay_worker_task_seconds_count %" PRIu64 "\n",
               stats->seconds_sum, stats->seconds_count);
}
