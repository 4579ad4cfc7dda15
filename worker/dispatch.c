#include "worker/dispatch.h"

#include <string.h>

/* A lane's stride is the inverse of its weight: 16 : 4 : 1. */
static const int64_t lane_strides[DISPATCH_LANES] = {
    [LANE_INTERACTIVE] = 1,
    [LANE_NORMAL] = 4,
    [LANE_BULK] = 16,
};

/* On equal passes the earlier in this list goes first. */
static const enum task_lane lane_order[DISPATCH_LANES] = {LANE_INTERACTIVE, LANE_NORMAL, LANE_BULK};

static struct dispatch_lane *lane_of(struct dispatch *dispatch, const struct work *work)
{
    return &dispatch->lanes[work->lane];
}

/* A lane that was empty pays its stride first: it cannot save up starts, and bulk does not go first. */
static void wake_lane(struct dispatch *dispatch, struct dispatch_lane *lane, enum task_lane name)
{
    if (lane->head == NULL)
        lane->pass = dispatch->virtual_time + lane_strides[name];
}

void dispatch_push(struct dispatch *dispatch, struct work *work)
{
    struct dispatch_lane *lane = lane_of(dispatch, work);
    work->state = WORK_WAITING;
    wake_lane(dispatch, lane, work->lane);
    work->next = NULL;
    if (lane->tail != NULL)
        lane->tail->next = work;
    else
        lane->head = work;
    lane->tail = work;
    dispatch->count++;
}

void dispatch_push_front(struct dispatch *dispatch, struct work *work)
{
    struct dispatch_lane *lane = lane_of(dispatch, work);
    work->state = WORK_WAITING;
    wake_lane(dispatch, lane, work->lane);
    work->next = lane->head;
    lane->head = work;
    if (lane->tail == NULL)
        lane->tail = work;
    dispatch->count++;
}

static void unlink_work(struct dispatch *dispatch, struct dispatch_lane *lane, struct work *before,
                        struct work *work)
{
    if (before != NULL)
        before->next = work->next;
    else
        lane->head = work->next;
    if (lane->tail == work)
        lane->tail = before;
    work->next = NULL;
    dispatch->count--;
}

/* Takes the lane's first work that `fits`. */
static struct work *take_from_lane(struct dispatch *dispatch, struct dispatch_lane *lane,
                                   bool (*fits)(void *context, const struct work *work), void *context)
{
    struct work *before = NULL;
    for (struct work *work = lane->head; work != NULL; before = work, work = work->next) {
        if (fits == NULL || fits(context, work)) {
            unlink_work(dispatch, lane, before, work);
            return work;
        }
    }
    return NULL;
}

static bool is_same_work(void *context, const struct work *work)
{
    const struct work *wanted = context;
    return work == wanted;
}

bool dispatch_remove(struct dispatch *dispatch, struct work *work)
{
    if (work->state != WORK_WAITING ||
        take_from_lane(dispatch, lane_of(dispatch, work), is_same_work, work) == NULL)
        return false;
    work->state = WORK_IDLE;
    return true;
}

struct work *dispatch_take(struct dispatch *dispatch, bool (*fits)(void *context, const struct work *work),
                           void *context)
{
    bool tried[DISPATCH_LANES] = {false};
    for (int round = 0; round < DISPATCH_LANES; round++) {
        int best = -1;
        for (int i = 0; i < DISPATCH_LANES; i++) {
            enum task_lane name = lane_order[i];
            if (tried[name] || dispatch->lanes[name].head == NULL)
                continue;
            if (best < 0 || dispatch->lanes[name].pass < dispatch->lanes[best].pass)
                best = (int)name;
        }
        if (best < 0)
            return NULL;
        struct dispatch_lane *lane = &dispatch->lanes[best];
        struct work *work = take_from_lane(dispatch, lane, fits, context);
        if (work != NULL) {
            if (lane->pass > dispatch->virtual_time)
                dispatch->virtual_time = lane->pass;
            lane->pass += lane_strides[best];
            return work;
        }
        tried[best] = true;
    }
    return NULL;
}

bool dispatch_of_job(void *job_id, const struct work *work)
{
    return strcmp(work->task->job_id, job_id) == 0;
}

struct work *dispatch_withdraw(struct dispatch *dispatch,
                               bool (*wanted)(void *context, const struct work *work), void *context)
{
    for (int i = 0; i < DISPATCH_LANES; i++) {
        struct work *work = take_from_lane(dispatch, &dispatch->lanes[i], wanted, context);
        if (work != NULL)
            return work;
    }
    return NULL;
}
