/*
 * What one step says about the task: from the bare facts (how the process ended, which limits were hit, what
 * the report holds, whether the output is right) to status, reason and a text. Pure.
 *
 * The mapping is that of DESIGN section 2 (docs/verdicts.md). When several things happened at once, the cause
 * goes before its effect: a limit on memory, processes or disk before the time that ran out because of it, a
 * limit before the failed test, the failed test before nothing at all.
 */
#ifndef ASSAY_WORKER_OUTCOME_H
#define ASSAY_WORKER_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/message/result.h"
#include "common/message/task.h"
#include "worker/plan.h"
#include "worker/report.h"

/* Why the worker itself ended a step. */
enum step_stop {
    STOP_NONE,
    STOP_WALL,      /* its wall limit passed */
    STOP_TASK_WALL, /* the task's wall limit passed */
    STOP_OUTPUT,    /* it wrote too much */
    STOP_REPORT,    /* its report is forged */
    STOP_DONE,      /* its report is complete, but the process did not end */
};

struct step_facts {
    enum step_stop stop;
    const char *flooded;  /* "stdout" or "stderr" with STOP_OUTPUT */
    size_t flooded_bytes; /* the bound that it went over */
    bool exited;          /* true: exit_code holds; false: signal_number holds */
    int exit_code;
    int signal_number;
    int start_errno; /* a command in the workspace could not be started (the program deleted it); 0 = fine */
    int64_t cpu_us;
    int64_t oom_kills;
    int64_t process_denials;
    bool disk_full;
    const char *err_tail; /* the end of stderr as written (of a compile command: all that was kept); may be
                             NULL when the size is 0 */
    size_t err_tail_size;
};

struct finding {
    enum status status; /* STATUS_PASS with REASON_OK: the step has nothing against the task */
    enum reason reason; /* REASON_INFRA: no verdict at all, the machinery failed */
    bool task_time;     /* the task's own time is used up */
    struct buf text;    /* explains, and names the case or test; empty with STATUS_PASS */
};

#define FINDING_INIT                                                                                         \
    {                                                                                                        \
        STATUS_PASS, REASON_OK, false, BUF_INIT                                                              \
    }

/* Each fills an initialised `finding`; its text is the caller's to free. */
void outcome_compile(const struct task *task, const struct compile_step *step, const struct step_facts *facts,
                     const char *out, size_t out_size, struct finding *finding);
/* `out` is all of the case's standard output. */
void outcome_case(const struct task *task, const struct task_case *test_case, const struct step_facts *facts,
                  const char *out, size_t out_size, struct finding *finding);
/* After report_finish. */
void outcome_suite(const struct task *task, const struct step_facts *facts, const struct report *report,
                   struct finding *finding);
/* A case or suite that was not started because nothing is left of the task's time. */
void outcome_no_time(const struct task *task, const char *subject, struct finding *finding);

/* "<name>: <message>"; harnesses may have put the name into the message already. */
void outcome_append_test(struct buf *text, const struct report_test *test);

enum step_end outcome_step_end(const struct finding *finding);

#endif
