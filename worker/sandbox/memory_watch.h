/* Memory of a task in a container, where the kernel counts that of the whole container alone: looked after by
 * polling its memory.stat (processes and tmpfs files, without the page cache of files). */
#ifndef ASSAY_WORKER_SANDBOX_MEMORY_WATCH_H
#define ASSAY_WORKER_SANDBOX_MEMORY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct servers;

struct memory_watch {
    int stat;                /* memory.stat; -1 = not to be seen */
    struct servers *servers; /* whose memory is no task's, whenever they start, grow or end */
    int64_t inits_bytes;     /* what a task init needs for itself, measured with an empty task */
    int64_t start_bytes;     /* before the task began */
    int64_t worker_bytes;    /* of them the worker's */
    int64_t peak_bytes;      /* of the task */
    int64_t maximum_bytes;   /* 0 = none */
    bool exceeded;
};

#define MEMORY_WATCH_MS 10 /* how often to look */

/* `worker_bytes`: what the worker has at this moment, by its own count; 0 = not known. */
void memory_watch_begin(struct memory_watch *watch, int64_t maximum_bytes, int64_t worker_bytes);
/* What was begun ahead gets its task: what the worker has more or less since is not the task's. */
void memory_watch_files(struct memory_watch *watch, int64_t worker_bytes);
/* The task init stands, and nothing else runs: if it is the first, it is measured. */
void memory_watch_ready(struct memory_watch *watch);
/* Looks; true when the task has more than its maximum. */
bool memory_watch_look(struct memory_watch *watch);

#endif
