/* Which process of the own /proc, if any, is the worker. */
#ifndef ASSAY_WORKER_PROBE_WORKER_PROCESS_H
#define ASSAY_WORKER_PROBE_WORKER_PROCESS_H

#include <stdbool.h>

#include "worker/probe/probe.h"

/* Is the process that has the worker's number here the worker itself? In a pid namespace the number can be
 * another process's, which then started at another time. True when it cannot be told. */
bool is_the_worker(const struct target *target);

#endif
