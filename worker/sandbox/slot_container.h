/* What the slot init does otherwise in a container, where it stays uid 0 with CAP_SETUID, CAP_SETGID and
 * CAP_KILL: no namespace ends with a task, so processes are killed by uid, files removed one by one, and
 * memory looked after by polling the container's cgroup. */
#ifndef ASSAY_WORKER_SANDBOX_SLOT_CONTAINER_H
#define ASSAY_WORKER_SANDBOX_SLOT_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* Makes this process the reaper of what tasks leave, and keeps it alive when the worker dies, so that it can
 * clean up. `harness_dir` must be what is shown as SANDBOX_HARNESS_DIR; `read_only_paths` NULL-terminated. */
bool slot_container_set_up(const char *harness_dir, const char *const *read_only_paths, struct err *err);
/* fork(2) with a pidfd, the caller's. */
pid_t slot_container_fork(int *pidfd);
/* In a process of its own, as `uid`: kills and removes all that is left of the uid; returns when nothing is.
 * Reaps every child of the caller. */
bool slot_container_clean(uid_t uid, struct err *err);

/* Memory of the container's processes and tmpfs files, as its memory.stat counts it (without the page cache
 * of files). */
struct memory_watch {
    int stat;              /* memory.stat; -1 = not to be seen */
    int64_t inits_bytes;   /* what a task init needs for itself, measured with an empty task */
    int64_t start_bytes;   /* before the task began */
    int64_t worker_bytes;  /* of them the worker's */
    int64_t peak_bytes;    /* of the task */
    int64_t maximum_bytes; /* 0 = none */
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
