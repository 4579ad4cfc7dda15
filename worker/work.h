/*
 * One task on its way through the worker: what the waiting list (dispatch.h) and the runner (runner.h) know
 * of it. Embedded in, or pointed at by, whatever the caller keeps about the task.
 */
#ifndef ASSAY_WORKER_WORK_H
#define ASSAY_WORKER_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/message/result.h"
#include "common/message/task.h"

struct work;

/* `result` is handed over (result_free) and complete but for queued_ms. Called once for each submitted work,
 * from the loop; the work is the caller's again. */
typedef void work_done_fn(void *owner, struct work *work, struct result *result);

enum work_state { WORK_IDLE, WORK_WAITING, WORK_RUNNING };

struct work {
    /* The caller's, set before runner_submit: */
    const struct task *task; /* must live until done, or until the work was taken back */
    enum task_lane lane;     /* that it waits in */
    void *owner;
    work_done_fn *done;
    void (*started)(void *owner, struct work *work);     /* WAITING to RUNNING; NULL is fine */
    void (*waits_again)(void *owner, struct work *work); /* RUNNING to WAITING: to be retried; NULL is fine */
    int64_t earlier_deliveries; /* how often it had been handed out before: counted into `attempt` */

    /* The runner's: */
    enum work_state state;
    unsigned attempts;    /* started here */
    unsigned failed_slot; /* the slot of its last infra fault; 0 = none */
    bool cancelled;       /* its job was cancelled while it ran */
    struct work *next;    /* in the waiting list */
};

#endif
