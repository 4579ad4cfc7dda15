/* The program's process of a step, from fork to exec. */
#ifndef ASSAY_WORKER_SANDBOX_STEP_H
#define ASSAY_WORKER_SANDBOX_STEP_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "worker/sandbox/confine.h"

struct step_plan {
    const char *const *argv;        /* NULL-terminated */
    const char *const *environment; /* NULL-terminated; step_environment completes it */
    struct confinement confinement;
};

/* How far a step came. */
enum step_start {
    STEP_STARTED,
    STEP_NOT_EXECUTED, /* *exec_errno says why; the process is a zombie */
    STEP_BROKEN,       /* the sandbox could not be closed around it, or no process: `err`. *pid is 0 when
                          there is none */
};

/* Forks a process that confines itself and runs the command; returns when the command was started, or could
 * not be. Nothing of the plan is changed. */
enum step_start step_start(const struct step_plan *plan, pid_t *pid, int *exec_errno, struct err *err);

/* `given` (NULL-terminated) with HOME, TMPDIR, PATH, USER and LOGNAME where it lacks them. The array is the
 * caller's (free()), NULL without memory; the strings stay where they are. */
const char **step_environment(const char *const *given);

#endif
