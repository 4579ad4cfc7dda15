/*
 * The inside of a slot, shared by slot.c (states, the sandbox, delivery), slot_task.c (the task's
 * steps) and slot_park.c (what is made ahead).
 */
#ifndef ASSAY_WORKER_SLOT_INTERNAL_H
#define ASSAY_WORKER_SLOT_INTERNAL_H

#include "worker/judgement.h"
#include "worker/plan.h"
#include "worker/slot.h"
#include "worker/slot_park.h"
#include "worker/slot_result.h"
#include "worker/slot_step.h"

#define SLOT_BEGIN_LIMIT_MS   30000  /* to make a workspace */
#define SLOT_SERVERS_LIMIT_MS 180000 /* more than the servers of a slot, one after the other, may take */

enum slot_state {
    SLOT_IDLE,
    SLOT_WARMING,
    SLOT_PARKING,
    SLOT_PARKED,
    SLOT_BEGINNING,
    SLOT_STEPPING,
    SLOT_STOPPING,
    SLOT_ENDING,
    SLOT_BROKEN
};

struct slot {
    struct loop *loop;
    struct slot_options options;
    struct slot_servers servers;
    const char **read_only_paths; /* NULL-terminated; of all runtimes; the strings are theirs */
    slot_done_fn *on_done;
    void *context;

    struct sandbox *sandbox; /* NULL while broken */
    struct loop_watch *watch;
    enum slot_state state;
    struct loop_timer *timer;    /* of the state */
    struct loop_timer *delivery; /* calls on_done */
    struct slot_park park;

    /* The task; NULL between tasks. */
    const struct task *task;
    struct plan plan;
    size_t next; /* the step that runs or comes next */
    struct slot_step step;
    struct judgement judgement;
    struct result *result;
    struct slot_usage usage;
    bool output_settled; /* stdout and stderr are those of the first failing step */
    int64_t state_since_ms;
    int64_t setup_since_ms; /* the task waits for its workspace; 0 = it does not */
    bool again;             /* the suite is run once more, under its framework */
    char **failed_first;    /* the tests that failed when it was run first */
    size_t failed_first_count;
    int64_t used_ms; /* wall time of the cases and the suite so far */
    enum slot_end end;
    struct err err;
};

/* slot.c */
void slot_enter(struct slot *slot, enum slot_state state, int64_t limit_ms); /* 0 = no deadline */
void slot_deliver(struct slot *slot, enum slot_end end);
/* The machinery failed; `slot->err` says how. A verdict or a cancel that stood already is not lost by it. */
void slot_break_down(struct slot *slot);
void slot_end_phase(struct slot *slot);

/* slot_task.c */
void slot_begin_phase(struct slot *slot);
void slot_run_step(struct slot *slot);
/* The server's number for a step of the plan; 0 = it starts cold. */
unsigned slot_server_for(const struct slot *slot, size_t step);
/* The same for the steps of a phase, from the next one on. */
unsigned slot_server_of_phase(const struct slot *slot, enum phase phase);
void slot_forget_first_run(struct slot *slot);
void slot_step_exited(struct slot *slot, const struct sandbox_event *event);

#endif
