#include "collector/stats.h"

void stats_commit(struct stats *stats, int64_t ms)
{
    static const int64_t bounds[STATS_COMMIT_BUCKETS - 1] = STATS_COMMIT_BOUNDS;
    int bucket = 0;
    while (bucket < STATS_COMMIT_BUCKETS - 1 && ms > bounds[bucket])
        bucket++;
    stats->commit_buckets[bucket]++;
    stats->commits++;
    stats->commit_ms_sum += ms;
}
