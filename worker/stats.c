#include "worker/stats.h"

#include <inttypes.h>

void stats_count(struct stats *stats, const struct result *result)
{
    stats->tasks[result->status][result->reason]++;
    if (result->started_at_ms == 0)
        return;
    histogram_add(&stats->seconds, result->setup_ms + result->compile_ms + result->run_ms);
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
    histogram_print(&stats->seconds, "assay_worker_task_seconds",
                    "Time of a task in its slot: set-up, compile, run.", out);
}
