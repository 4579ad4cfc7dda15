/* How a task's init ends processes and waits for them: those of one step, and whatever it left behind. */
#ifndef ASSAY_WORKER_SANDBOX_REAPING_H
#define ASSAY_WORKER_SANDBOX_REAPING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of what was waited for. */
struct reaping_usage {
    int64_t cpu_us;
    int64_t peak_rss_bytes; /* of the largest process */
};

/* Takes what has ended, some hundreds at most: a program that forks without end must not keep the init from
 * its socket. True when `first` was among it, with its status. */
bool reaping_reap(pid_t first, int *status, struct reaping_usage *usage);
/* Kills every process of the task but this one. `container_uid`: of the task in a container, else 0. True
 * when there was any. */
bool reaping_kill_all(uid_t container_uid);
/* Kills and takes all that is left. True when something still ran. */
bool reaping_clear(uid_t container_uid, struct reaping_usage *usage);

#endif
