/*
 * What the database says about the jobs of a file before it is published: whether one of them is cancelled.
 */
#ifndef ASSAY_PRODUCER_RESUME_H
#define ASSAY_PRODUCER_RESUME_H

#include <stdbool.h>

#include "common/err.h"
#include "common/pg.h"
#include "producer/config.h"
#include "producer/jobs.h"

/* Tasks of a cancelled job would be cancelled as they come. With `lift` its cancel is lifted, else it is an
 * error. The exit status: 0, or what `err` means. */
int resume_check_cancels(const struct producer_config *config, struct pg *pg, const struct jobs *jobs,
                         bool lift, struct err *err);

#endif
