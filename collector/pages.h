/* What /status and /metrics show. */
#ifndef ASSAY_COLLECTOR_PAGES_H
#define ASSAY_COLLECTOR_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "collector/stats.h"
#include "common/buf.h"

struct pages_state {
    const char *name;
    bool broker_up, database_up, draining;
    const char *database_trouble; /* NULL = none */
    size_t held;                  /* messages taken and not finished */
    size_t statements_waiting;
    int64_t database_retries;
    const struct stats *stats;
};

void pages_status(const struct pages_state *state, struct buf *out);
void pages_metrics(const struct pages_state *state, struct buf *out);

#endif
