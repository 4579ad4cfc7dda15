/*
 * The worker's own waiting list: which task runs next. Pure.
 *
 * Three lanes, each first in, first out. While several lanes wait, each gets a share by weight (stride
 * scheduling): of 21 starts interactive gets 16, normal 4, bulk 1, interactive first; no lane starves.
 */
#ifndef ASSAY_WORKER_DISPATCH_H
#define ASSAY_WORKER_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/work.h"

#define DISPATCH_LANES 3

struct dispatch_lane {
    struct work *head, *tail;
    int64_t pass; /* virtual time of its next start */
};

struct dispatch {
    struct dispatch_lane lanes[DISPATCH_LANES]; /* by enum task_lane */
    int64_t virtual_time;
    size_t count;
};

/* Zero-initialised is empty. The works stay the caller's; one in the list is WORK_WAITING. */
void dispatch_push(struct dispatch *dispatch, struct work *work);
/* In front of its lane: a retry does not queue up again. */
void dispatch_push_front(struct dispatch *dispatch, struct work *work);
/* False when it is not in the list; else it is WORK_IDLE. */
bool dispatch_remove(struct dispatch *dispatch, struct work *work);

/* Takes the first work, by lane weight and age, for which `fits` is true (NULL: any); NULL when there is
 * none. */
struct work *dispatch_take(struct dispatch *dispatch, bool (*fits)(void *context, const struct work *work),
                           void *context);

/* Takes the first work for which `wanted` is true, in no particular order and without charging its lane:
 * cancelled, expired, handed back. */
struct work *dispatch_withdraw(struct dispatch *dispatch,
                               bool (*wanted)(void *context, const struct work *work), void *context);
/* For dispatch_withdraw: the works of the job whose id (a string) is `job_id`. */
bool dispatch_of_job(void *job_id, const struct work *work);

#endif
