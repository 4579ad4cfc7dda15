/*
 * The fleet: the latest event of each worker, written to the table `workers` once a second. While the
 * database is away only the latest of each is kept; its age is written, not the time of writing, so that a
 * worker that died meanwhile is seen as lost at once.
 */
#ifndef ASSAY_COLLECTOR_FLEET_H
#define ASSAY_COLLECTOR_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/database.h"
#include "collector/stats.h"

struct fleet;

struct fleet *fleet_new(struct database *database, struct stats *stats);
void fleet_free(struct fleet *fleet);
/* A message of assay.events. The worker's name when it says hello, else NULL; valid until the next call. */
const char *fleet_take(struct fleet *fleet, const char *body, size_t size, int64_t now_ms);
/* Writes what is new, once a second at most. */
void fleet_step(struct fleet *fleet, int64_t now_ms);
/* When fleet_step wants to be called next; INT64_MAX: not because of time. */
int64_t fleet_deadline_ms(const struct fleet *fleet);

#endif
