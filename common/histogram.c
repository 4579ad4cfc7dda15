#include "common/histogram.h"

#include <inttypes.h>

/* From a commit's time to that of a queue that nobody serves. */
static const int64_t bounds_ms[HISTOGRAM_BUCKETS - 1] = {
    2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 1800000};

void histogram_add(struct histogram *histogram, int64_t ms)
{
    int64_t time_ms = ms < 0 ? 0 : ms;
    int bucket = 0;
    while (bucket < HISTOGRAM_BUCKETS - 1 && time_ms > bounds_ms[bucket])
        bucket++;
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum_ms += (double)time_ms;
}

void histogram_print(const struct histogram *histogram, const char *name, const char *help, struct buf *out)
{
    int64_t below = 0;
    buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += histogram->buckets[i];
        if (i < HISTOGRAM_BUCKETS - 1)
            buf_printf(out, "%s_bucket{le=\"%g\"} %" PRId64 "\n", name, (double)bounds_ms[i] / 1000.0, below);
        else
            buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n", name, below);
    }
    buf_printf(out, "%s_sum %.3f\n%s_count %" PRId64 "\n", name, histogram->sum_ms / 1000.0, name,
               histogram->count);
}
