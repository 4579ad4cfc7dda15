/* What the slot init does otherwise in a container, where it stays uid 0 with CAP_SETUID, CAP_SETGID and
 * CAP_KILL: no namespace ends with a task, so processes are killed by uid, and files removed one by one. */
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
/* In a process of its own, as `uid`: kills all that has it, and waits for none: one whose parent does not
 * reap it would not go. Reaps every child of the caller. */
void slot_container_kill(uid_t uid);
/* In a process of its own, as `uid`: kills and removes all that is left of the uid; returns when nothing is.
 * Reaps every child of the caller. */
bool slot_container_clean(uid_t uid, struct err *err);

#endif
