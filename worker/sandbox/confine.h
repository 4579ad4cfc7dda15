/* The program's process of a step confines itself: what a process that execs the command and one that was
 * forked from a warm server have in common. */
#ifndef ASSAY_WORKER_SANDBOX_CONFINE_H
#define ASSAY_WORKER_SANDBOX_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "worker/sandbox/rlimits.h"
#include "worker/sandbox/wire.h"

#define CONFINE_HANDBACK_FD WIRE_STEP_FDS

struct confinement {
    int fds[WIRE_STEP_FDS]; /* -1 = absent */
    struct rlimits limits;
    int proc;             /* a folder descriptor of a writable /proc that shows this process */
    int landlock;         /* ruleset; -1 = the operator does without */
    int handback;         /* confine_fork: one more, open until exec at CONFINE_HANDBACK_FD; -1 = none */
    pid_t container_init; /* confine_fork: in a container: the task's init; 0 = namespaces */
};

/* Before exec, in a child of the task's init, which has no privilege and is under the filter already. Every
 * descriptor but the step's closes at exec; signals are as after boot. */
bool confine_for_exec(const struct confinement *confinement, struct err *err);
/* In a fork of a warm server, which has just entered the namespaces of the task: also gives up every
 * privilege and completes the filter. In a container, where it has become the task's uid and has the server's
 * filter: shields the task's init. No descriptor but the step's and `handback` stays open; how signals are
 * handled is the server's (that of its language as it starts). */
bool confine_fork(const struct confinement *confinement, struct err *err);

#endif
