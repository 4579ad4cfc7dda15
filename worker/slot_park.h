/*
 * The next task's sandbox, made ahead while the slot has nothing to do. Whoever waits for one task at a time
 * then does not wait for the sandbox, nor, where a suite starts cold, for its language.
 *
 * What comes is taken to be like what came last. Parked is a workspace with the last task's limits; after two
 * tasks alike whose suite starts cold, and whose stanza says park_suite, the suite's process as well, which
 * has started and waits for its control object. It is used once. A task that is otherwise throws it away; and
 * when the process ends, or says anything, before it has a task, nothing is parked until one has run.
 *
 * Nothing of a task exists before it comes: its files, its control object, its clock, its CPU time.
 */
#ifndef ASSAY_WORKER_SLOT_PARK_H
#define ASSAY_WORKER_SLOT_PARK_H

#include <stdbool.h>

#include "worker/plan.h"

struct slot;

/* All of a task that its sandbox, and the process of its first step, are made by. */
struct park_shape {
    const struct runtime *runtime; /* NULL = no task yet */
    struct limits limits;
    bool warm;       /* a step of the first phase has a server */
    bool cold_suite; /* the first step is a suite without one */
};

struct slot_park {
    struct park_shape shape; /* the last task's */
    unsigned alike;          /* how many had it, in a row */
    bool stands;             /* a workspace */
    bool process;            /* and the process of a suite, in the slot's step */
    bool stale;              /* the task that waits for it is otherwise */
    bool spoilt;             /* the last one was; a task has to run first */
    struct task task;        /* of that process: a suite without content */
    struct plan plan;
};

void slot_park_free(struct slot_park *park);
/* The slot's task, whose plan is made: is what is parked, if anything, for tasks like it? Not if it needs a
 * server first. */
bool slot_park_fits(const struct slot *slot);
/* The slot's task is what the next one is expected to be like. */
void slot_park_note(struct slot *slot);
/* The process ended or spoke before it had anything of a task: killed from outside, or its language is no
 * good. A task that waits begins anew. */
void slot_park_spoilt(struct slot *slot);
/* SANDBOX_TASK_READY while it is made, and no task waits. */
void slot_park_ready(struct slot *slot);
/* It is used, or the sandbox's task is over. */
void slot_park_over(struct slot *slot);

#endif
