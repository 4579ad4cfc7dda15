/* A worker that serves the broker: from the first connection to the end of the drain. */
#ifndef ASSAY_WORKER_SERVICE_H
#define ASSAY_WORKER_SERVICE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/loop.h"
#include "worker/config.h"
#include "worker/runner.h"
#include "worker/selftest.h"

struct service_options { /* borrowed */
    const struct worker_config *config;
    const struct runtimes *runtimes;
    const struct self_tests *tests; /* those that passed are served */
};

/* Returns true after a drain. Takes the runner over and closes it, also on failure. */
bool service_run(struct loop *loop, const struct service_options *options, struct runner *runner,
                 struct err *err);

#endif
