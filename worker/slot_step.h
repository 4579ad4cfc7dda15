/*
 * One running step of a slot: its pipes, what it wrote, its report, and its clock. Started and collected by
 * slot.c; ends itself early by sandbox_kill when the time is up, the output too long or the report forged.
 */
#ifndef ASSAY_WORKER_SLOT_STEP_H
#define ASSAY_WORKER_SLOT_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/loop.h"
#include "worker/capture.h"
#include "worker/outcome.h"
#include "worker/plan.h"
#include "worker/report.h"
#include "worker/sandbox/sandbox.h"
#include "worker/slot_io.h"

struct slot_step {
    struct loop *loop;
    struct sandbox *sandbox;
    const struct plan *plan;
    const struct plan_step *step;
    struct loop_timer *timer; /* the slot's; set while the step runs */
    int64_t started_ms;       /* clock_ms */
    int64_t wall_ms;
    bool wall_is_tasks; /* the wall limit is what was left of the task's */
    enum step_stop stop;
    bool fast; /* of a suite: its harness may do without its framework */
    /* clock_us: the report was complete, and the process had a moment to end; 0 = not yet. */
    int64_t finished_us;
    struct slot_reader out_reader, err_reader, report_reader;
    struct slot_feeder input_feeder, control_feeder;
    struct capture out, err;
    struct report *report; /* of a suite, else NULL */
    struct buf control;
    struct buf err_text; /* behind step_facts.err_tail */
};

void slot_step_init(struct slot_step *step, struct loop *loop, struct loop_timer *timer);
/* How a step is started. */
struct slot_step_start {
    size_t index;            /* of the plan's steps */
    unsigned server;         /* by a fork of this warm server; 0: none */
    bool fast;               /* as in struct slot_step */
    bool keep_suite;         /* a suite's server may keep what is made of the suite's text */
    const char *const *keep; /* as in struct sandbox_step */
    bool parked;             /* a suite's, before its task is there: slot_step_release sets the rest */
    int64_t wall_ms;
    bool wall_is_tasks; /* wall_ms is what is left of the task's time */
};

/* Starts a step in the sandbox (between TASK_READY and sandbox_task_end) and its clock. An error is the
 * machinery's. */
bool slot_step_start(struct slot_step *step, struct sandbox *sandbox, const struct plan *plan,
                     const struct slot_step_start *start, struct err *err);
/* A parked step has said and done nothing but wait: it may be given its task. */
bool slot_step_waits(struct slot_step *step);
/* The task of a parked step is there, its files are written: hands the control object over, and starts the
 * clock. */
bool slot_step_release(struct slot_step *step, const struct plan *plan, const struct slot_step_start *start,
                       struct err *err);
/* The timer fired while the step ran: it is killed, once it has had its time; within wall_ms from now. Call
 * once. */
void slot_step_time_up(struct slot_step *step);
/* After SANDBOX_STEP_EXITED: takes what is left in the pipes, stops the clock, and fills the facts, which
 * point into the step. False when the command itself could not be started: the machinery's error. */
bool slot_step_collect(struct slot_step *step, const struct sandbox_event *event, struct step_facts *facts,
                       struct err *err);
/* Gives everything back; harmless on an idle step. */
void slot_step_clear(struct slot_step *step);

#endif
