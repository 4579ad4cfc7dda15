/* A histogram of times for Prometheus ("Histograms and summaries"), with the same buckets wherever Assay has
 * one. Pure. */
#ifndef ASSAY_COMMON_HISTOGRAM_H
#define ASSAY_COMMON_HISTOGRAM_H

#include <stdint.h>

#include "common/buf.h"

enum { HISTOGRAM_BUCKETS = 17 };

struct histogram {                      /* zeroed: empty */
    int64_t buckets[HISTOGRAM_BUCKETS]; /* not cumulative; the last has no bound */
    int64_t count;
    double sum_ms; /* no sum of what others report overflows */
};

/* A negative time (clocks of two machines) counts as 0. */
void histogram_add(struct histogram *histogram, int64_t ms);
/* Appends the family `name`, which ends in _seconds, in the text format 0.0.4: cumulative, in seconds. */
void histogram_print(const struct histogram *histogram, const char *name, const char *help, struct buf *out);

#endif
