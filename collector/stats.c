#include "collector/stats.h"

void stats_store(struct stats *stats, const struct row *row)
{
    stats->stored[row->status][row->reason]++;
    if (!row->ran)
        return;
    histogram_add(&stats->queued, row->queued_ms);
    histogram_add(&stats->run, row->run_ms);
}
