/*
 * How much the worker takes from the queues ahead of its slots, and when it gives some of it back. Pure.
 *
 * Quorum queues have a prefetch for each consumer only, and a worker has a consumer for each lane of each
 * runtime. While tasks are short, each gets the slots and a small look-ahead, so that a slot never waits for
 * the broker (eager). When something has waited PARK_MS without any task starting, the tasks at hand are
 * long: what waits goes back to its queue, where an idle worker finds it, and from then on the worker takes
 * only as much as it has idle slots (cautious), until tasks are short again.
 *
 * A task leaves the look-ahead free only when its result is confirmed, which takes the broker some
 * milliseconds. While the latest tasks were shorter than that, or needed no run at all (cancelled, expired),
 * the look-ahead is therefore as many as the slots do in AHEAD_MS (wide), else they would stand idle, and the
 * lanes' weights would not hold: a lane whose look-ahead is used up leaves its turn to the others. The latest
 * tasks' average counts: one of a hundred milliseconds now and then among short ones costs those behind it no
 * more than that, and a narrow look-ahead costs the broker a sixth more for each task (delivery_bursts.c).
 * What waits goes back as soon as tasks are longer again; when none has started for STARVED_MS; and a worker
 * that had nothing to do for QUIET_MS takes little again.
 *
 * A return counts towards the broker's delivery limit on RabbitMQ 3.x; so a delivery that has been returned
 * two fifths of that many times stays where it is.
 */
#ifndef ASSAY_WORKER_INTAKE_H
#define ASSAY_WORKER_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/runtimes.h"

#define INTAKE_PARK_MS    1000
#define INTAKE_SHORT_MS   500
#define INTAKE_AHEAD_MS   100
#define INTAKE_STARVED_MS 200
#define INTAKE_QUIET_MS   1000
/* At most so many for each consumer while wide, and no more than so many bytes as the latest tasks had. */
#define INTAKE_WIDE_MAX   128
#define INTAKE_WIDE_BYTES ((int64_t)16 * 1024 * 1024)

/* From so many earlier deliveries on a task is not handed back any more, ... */
int64_t intake_hand_back_max(int64_t delivery_limit);
/* ... and from so many on it is a suspect: it may be what kills the workers that take it. */
int64_t intake_suspect_from(int64_t delivery_limit);

/* The longest a task of this runtime may take: its compile steps and its task_wall cap. */
int64_t intake_task_cap_ms(const struct runtime *runtime);

/*
 * The prefetch of each consumer. `configured` 0 = adaptive: the slots and a quarter of them, at least one,
 * more, but no more than the rule allows. The rule: prefetch x task cap / slots stays under the broker's
 * consumer timeout, else the broker closes the channel on a task that waits its turn (RabbitMQ: 406 delivery
 * acknowledgement timed out). 0 with ERR_CONFIG when no value, or not the configured one, keeps it.
 */
uint16_t intake_prefetch(int64_t configured, unsigned slots, int64_t task_cap_ms, int64_t consumer_timeout_ms,
                         struct err *err);

/* The widest prefetch: `eager` where one is configured, else what the rule and INTAKE_WIDE_MAX allow. */
uint16_t intake_widest(int64_t configured, uint16_t eager, unsigned slots, int64_t task_cap_ms,
                       int64_t consumer_timeout_ms);

struct intake {
    unsigned slots;
    uint16_t eager_prefetch, widest_prefetch;
    bool cautious;
    bool slot_freed;     /* since the last subscription */
    bool learnt;         /* a task has ended since the last decision */
    int64_t average_ms;  /* of the latest tasks' durations */
    int64_t pace_us;     /* the same, of more of them */
    int64_t weight;      /* the largest of their messages in bytes, forgotten slowly */
    int64_t progress_ms; /* when a task last started, or nothing waited */
    int64_t quiet_ms;    /* since when nothing has waited or ended */
};

struct intake_view {
    bool paused;       /* sick, draining, or results held: take nothing */
    size_t waiting;    /* tasks in the waiting list */
    unsigned idle;     /* slots that could start one */
    uint16_t prefetch; /* of the standing subscription; 0 = none */
    int64_t now_ms;
};

struct intake_decision {
    bool hand_back;   /* give back what waits */
    bool resubscribe; /* end the standing subscription, if any, and subscribe with `prefetch` (0: do not) */
    uint16_t prefetch;
    int64_t next_ms; /* ask again at this time (clock_ms scale); -1 = only after an event */
};

void intake_init(struct intake *intake, unsigned slots, uint16_t eager_prefetch, uint16_t widest_prefetch,
                 int64_t now_ms);
void intake_task_received(struct intake *intake, size_t bytes);
void intake_task_started(struct intake *intake, int64_t now_ms);
void intake_task_finished(struct intake *intake, int64_t duration_ms);
/* It got its verdict without a run. */
void intake_task_unrun(struct intake *intake);
/* What to do now; the caller does it. */
struct intake_decision intake_decide(struct intake *intake, const struct intake_view *view);

#endif
