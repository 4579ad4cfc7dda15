#include "producer/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jobs_free(struct jobs *jobs)
{
    free(jobs->items);
    memset(jobs, 0, sizeof *jobs);
}

struct job_entry *jobs_get(struct jobs *jobs, const char *job_id, struct err *err)
{
    if (jobs->last < jobs->count && strcmp(jobs->items[jobs->last].job_id, job_id) == 0)
        return &jobs->items[jobs->last];
    for (size_t i = 0; i < jobs->count; i++) {
        if (strcmp(jobs->items[i].job_id, job_id) == 0) {
            jobs->last = i;
            return &jobs->items[i];
        }
    }
    if (jobs->count == JOBS_MAX) {
        err_set(err, ERR_INPUT, "field 'job_id': more than %d jobs in one publish; split the file by job",
                JOBS_MAX);
        return NULL;
    }
    if (jobs->count == jobs->capacity) {
        size_t capacity = jobs->capacity == 0 ? 4 : jobs->capacity * 2;
        struct job_entry *items = realloc(jobs->items, capacity * sizeof *items);
        if (items == NULL) {
            err_set(err, ERR_NO_MEMORY, "no memory for the list of jobs");
            return NULL;
        }
        jobs->items = items;
        jobs->capacity = capacity;
    }
    struct job_entry *entry = &jobs->items[jobs->count];
    memset(entry, 0, sizeof *entry);
    (void)snprintf(entry->job_id, sizeof entry->job_id, "%s", job_id);
    jobs->last = jobs->count++;
    return entry;
}

bool jobs_add_task(struct jobs *jobs, const char *job_id, const char *task_id, struct err *err)
{
    struct job_entry *entry = jobs_get(jobs, job_id, err);
    if (entry == NULL)
        return false;
    job_part_add(&entry->part, task_id);
    return true;
}

void jobs_routing_key(const char *job_id, const char *suffix, struct buf *out)
{
    job_routing_word(job_id, out);
    buf_printf(out, ".%s", suffix);
}
