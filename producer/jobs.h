/*
 * The jobs that the tasks of one publish belong to, each with the part that is announced to the collector
 * (common/message/job.h). Pure.
 */
#ifndef ASSAY_PRODUCER_JOBS_H
#define ASSAY_PRODUCER_JOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/message/job.h"
#include "common/text.h"

/* Jobs in one publish at most: each has a binding of its own while waiting. */
#define JOBS_MAX 1000

struct job_entry {
    char job_id[TEXT_ID_MAX + 1];
    struct job_part part;
};

struct jobs {
    struct job_entry *items;
    size_t count, capacity;
    size_t last; /* where the last task belonged: tasks of a job mostly come together */
};

void jobs_free(struct jobs *jobs);
/* NULL with ERR_INPUT beyond JOBS_MAX. The entry is valid until the next call. */
struct job_entry *jobs_get(struct jobs *jobs, const char *job_id, struct err *err);
bool jobs_add_task(struct jobs *jobs, const char *job_id, const char *task_id, struct err *err);
/* The routing key of messages about the job: "<word of the job>.<suffix>". */
void jobs_routing_key(const char *job_id, const char *suffix, struct buf *out);

#endif
