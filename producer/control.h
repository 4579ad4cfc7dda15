/*
 * Orders to the fleet about a job (assay.control): cancel, and lifting a cancel. Workers that run now are
 * told by the broker; those that start later by the collector, so that an order counts once the collector has
 * recorded it in `jobs`.
 */
#ifndef ASSAY_PRODUCER_CONTROL_H
#define ASSAY_PRODUCER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/message/job.h"
#include "common/pg.h"
#include "producer/config.h"

/* How a job stands: `state` is "" for one that the database does not know yet. */
struct standing {
    char state[16];
    int64_t done, total; /* total -1: never announced */
};

bool standing_look(struct pg *pg, const char *job_id, struct standing *standing, struct err *err);
bool standing_is_cancelled(const struct standing *standing);

/* Tells those who are connected. ERR_PROTOCOL when nobody is. */
bool control_tell(const struct producer_config *config, enum control_order order, const char *job_id,
                  struct err *err);
/* control_tell, then waits until `jobs` shows the order. The exit status: 0 with `standing` filled; 5 when it
 * does not within `timeout_ms`, or what `err` means. */
int control_tell_and_wait(const struct producer_config *config, struct pg *pg, enum control_order order,
                          const char *job_id, int64_t timeout_ms, struct standing *standing, struct err *err);

#endif
