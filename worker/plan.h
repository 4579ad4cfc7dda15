/*
 * The steps of a task: which commands run, in what order, for how long, and what comes after each. Pure.
 *
 * Phases: the cases first, then the suite. Each phase has a workspace of its own, so that what the program
 * does to its files during the cases (the suite's file is not even there then) cannot reach the suite. Within
 * a phase the compile commands run once and serve all that follows.
 *
 * A plan points into the task and its runtime, which must outlive it.
 */
#ifndef ASSAY_WORKER_PLAN_H
#define ASSAY_WORKER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/message/task.h"
#include "worker/sandbox/sandbox.h"

enum phase { PHASE_CASES, PHASE_SUITE };

enum step_kind { STEP_COMPILE, STEP_CASE, STEP_SUITE };

struct plan_step {
    enum step_kind kind;
    enum phase phase;
    const struct compile_step *compile; /* STEP_COMPILE */
    const struct task_case *test_case;  /* STEP_CASE */
    bool last;                          /* nothing follows when it passes */
};

struct plan {
    const struct task *task;
    struct plan_step *steps;
    size_t count; /* at least 1 */
    bool checked; /* plan_insert_checks was called */
};

/* How a step ended, as far as the order of things is concerned. */
enum step_end {
    STEP_END_PASSED,
    STEP_END_FAILED, /* this step alone: a case differed or was over its time, a command did not compile */
    STEP_END_FATAL,  /* nothing after it can change the verdict: tampered, the task's own time is used up */
};

/* ERR_INPUT when the runtime cannot do what the task asks (task_parse refuses such a task already). */
bool plan_init(struct plan *plan, const struct task *task, struct err *err);
void plan_free(struct plan *plan);

/* The command with its placeholders replaced and a case's arguments appended: one allocation, to be freed
 * with free(). NULL without memory. {{ and }} stand for braces. */
char **plan_argv(const struct plan *plan, size_t step);

/* The command of a runtime's warm server, likewise: of its suites (warm_suite, with --preload=MODULE appended
 * for each module) or of its cases (run_case). */
char **plan_server_argv(const struct runtime *runtime, enum step_kind kind);

/* A case, the step `index`, exited with a failure: the checks that are made only then
 * (compile_step.after_failure) come in behind it, once in a task. `last`: nothing follows them when they
 * pass. False when there are none. */
bool plan_insert_checks(struct plan *plan, size_t index, bool last);

/* The index of the step that follows, plan->count when the task is over. */
size_t plan_next(const struct plan *plan, size_t step, enum step_end end);

/* How long a step may take, in milliseconds: its own limit, and what is left of the task's (`used_ms` by the
 * cases and the suite so far; compiling is apart). 0: nothing is left, the step is not to be started.
 * `*by_task` says which of the two it is. */
int64_t plan_wall_ms(const struct plan *plan, size_t step, int64_t used_ms, bool *by_task);

/* CPU time of a step. A compiler may use two CPUs for all of its wall time. */
int64_t plan_cpu_ms(const struct limits *limits, enum step_kind kind);

/* The files of a phase's workspace; the array is the caller's (free()), its contents are the task's. */
struct sandbox_file *plan_files(const struct plan *plan, enum phase phase, size_t *count);

#endif
