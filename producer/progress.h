/* The line that tells how far a publish is. Pure arithmetic here; dispatch.c draws it on a terminal. */
#ifndef ASSAY_PRODUCER_PROGRESS_H
#define ASSAY_PRODUCER_PROGRESS_H

#include <stdint.h>

#include "common/buf.h"

struct progress {
    int64_t total;      /* tasks in all; 0 = not known (standard input) */
    int64_t confirmed;  /* by the broker */
    int64_t verdicts;   /* that came back */
    bool waiting;       /* verdicts count */
    int64_t elapsed_ms; /* since the first publish */
};

/* Per second: of verdicts once everything is confirmed, of confirms before. */
double progress_rate(const struct progress *progress);
/* Milliseconds until the end at that rate; -1 when it cannot be told. */
int64_t progress_eta_ms(const struct progress *progress);
/* "1200/5000 confirmed  350/s  ETA 11.0 s"; `stalled` (NULL = nothing) takes the place of rate and ETA. */
void progress_append(const struct progress *progress, const char *stalled, struct buf *out);

#endif
