/* What the parts of assay-warm.so have of each other. */
#ifndef ASSAY_WORKER_WARM_WARM_INTERNAL_H
#define ASSAY_WORKER_WARM_WARM_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/sandbox/wire.h"

/* As assay_warm_ready; without keeps_suites no memory is set aside for what is kept of them. */
int warm_ready(const char *loaded, int64_t preload_bytes, bool keeps_suites);

/* The command of a cold start, as the worker sealed it: argv_items words, then the environment. */
struct warm_command {
    struct wire_view words;
    uint32_t argv_items;
};
/* In the process of a step: its own, to be read once and closed (wire_view_close). */
struct warm_command *warm_command(void);

#endif
