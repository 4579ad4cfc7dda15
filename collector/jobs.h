/* Jobs: what publishers announce, and cancels: recorded or lifted, and announced again when a worker says
 * hello. */
#ifndef ASSAY_COLLECTOR_JOBS_H
#define ASSAY_COLLECTOR_JOBS_H

#include "collector/database.h"
#include "collector/item.h"
#include "collector/outbox.h"
#include "collector/stats.h"

struct jobs;

struct jobs_parts {
    struct database *database;
    struct outbox *outbox;
    struct stats *stats;
    void *context;
    void (*finish)(void *context, struct item *item, bool acknowledge);
    void (*refuse)(void *context, struct item *item, const char *sqlstate, const char *message);
};

struct jobs *jobs_new(const struct jobs_parts *parts);
void jobs_free(struct jobs *jobs);
/* Takes over an ITEM_JOB. */
void jobs_announce(struct jobs *jobs, struct item *item);
/* A message of assay.control; what is none is logged. */
void jobs_control(struct jobs *jobs, const char *body, size_t size);
/* A worker came: it has to learn which jobs are cancelled before it takes any task. */
void jobs_greet(struct jobs *jobs, const char *worker);

#endif
