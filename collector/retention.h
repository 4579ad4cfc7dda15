/* Deletes what is older than retention_days (verdicts, dead letters, jobs without verdicts, workers not
 * seen), in small batches, while the collector runs. */
#ifndef ASSAY_COLLECTOR_RETENTION_H
#define ASSAY_COLLECTOR_RETENTION_H

#include "collector/config.h"
#include "collector/database.h"
#include "collector/stats.h"

struct retention;

/* NULL when verdicts are kept for ever. */
struct retention *retention_new(struct loop *loop, struct database *database,
                                const struct collector_config *config, struct stats *stats);
void retention_free(struct retention *retention); /* NULL is fine */

#endif
