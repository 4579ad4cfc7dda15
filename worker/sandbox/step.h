/* The program's process of a step, from fork to exec. */
#ifndef ASSAY_WORKER_SANDBOX_STEP_H
#define ASSAY_WORKER_SANDBOX_STEP_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "worker/sandbox/rlimits.h"
#include "worker/sandbox/wire.h"

struct step_plan {
    const char *const *argv; /* NULL-terminated */
    const char *const
        *environment;       /* NULL-terminated; HOME, TMPDIR, PATH, USER, LOGNAME are added where missing */
    int fds[WIRE_STEP_FDS]; /* -1 = absent */
    struct rlimits limits;
    int proc;     /* a folder descriptor of a writable /proc that shows this process */
    int null;     /* /dev/null */
    int landlock; /* ruleset; -1 = the operator does without */
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

#endif
