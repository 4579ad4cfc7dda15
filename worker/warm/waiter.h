/* The waiter of a step: between a warm server and the process of the step (worker/sandbox/warm.h). */
#ifndef ASSAY_WORKER_WARM_WAITER_H
#define ASSAY_WORKER_WARM_WAITER_H

#include <stddef.h>

#include "worker/sandbox/wire.h"

/* A step that was asked for. */
struct warm_job {
    struct wire_request request;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;
    int handback[2]; /* a pipe, where nothing is kept of the suite yet; else -1 */
};

/* In the waiter, made by vfork: returns in the process of the step alone, which is in the task's namespaces
 * or, in a container, has the task's uid and no privilege. What goes wrong is told. */
void waiter_fork(const struct warm_job *job);
/* The step could not be made: the machinery's failure. */
void waiter_tell_failed(const struct warm_job *job, const struct err *err);

#endif
