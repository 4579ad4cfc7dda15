/* What task_init.c and task_setup.c share. */
#ifndef ASSAY_WORKER_SANDBOX_TASK_INIT_INTERNAL_H
#define ASSAY_WORKER_SANDBOX_TASK_INIT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/sandbox/task_init.h"

struct task {
    const struct task_setup *setup;
    int landlock;     /* ruleset */
    int child_signal; /* signalfd for SIGCHLD */
    uint64_t mechanisms;
};

/* Enters what is the task's own, gives up every privilege, and writes the task's files if they came along. */
bool task_set_up(struct task *task, struct err *err);
/* Writes the files of a blob (-1 = none, which is right) of `count` files. */
bool task_write_files(const struct task_setup *setup, int blob, uint32_t count, struct err *err);

#endif
