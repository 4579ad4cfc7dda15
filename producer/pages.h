/* What a follower (pending --follow) says of itself over HTTP: /readyz, /status, /metrics. Pure. */
#ifndef ASSAY_PRODUCER_PAGES_H
#define ASSAY_PRODUCER_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

struct pages_state {
    const char *job_id;
    bool broker_up, database_up;
    int64_t confirmed; /* tasks that the broker has */
    int64_t returned;  /* tasks that no queue took */
    int64_t refused;   /* rows that could not become a task */
};

bool pages_ready(const struct pages_state *state);
void pages_status(const struct pages_state *state, struct buf *out);
void pages_metrics(const struct pages_state *state, struct buf *out);

#endif
