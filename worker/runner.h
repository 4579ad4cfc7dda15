/*
 * The slots and the waiting list: takes works, starts each in a slot as one is idle, retries after infra
 * faults, and hands each result over once. Knows no broker; the daemon (service.h), --local (local.h) and the
 * start-up self-tests (selftest.h) all run on it.
 *
 * A seat is a slot and its health:
 *
 *   IDLE -> BUSY -> IDLE            a verdict, whatever it says
 *   IDLE -> BUSY -> SICK            an infra fault; the work is retried (retry.h)
 *   SICK -> TESTING -> IDLE         reopened, and the self-test of the runtime at fault passed
 *   SICK -> TESTING -> SICK         it did not: again with backoff
 *
 * While any seat is SICK or TESTING the runner is not healthy: it starts nothing, and the daemon stops
 * consuming, so that one sick machine does not burn every task. A runner that is not persistent (start-up,
 * --local) only reopens the slot, and after three failures in a row counts the seat as DEAD; with all seats
 * dead every work ends error/infra.
 */
#ifndef ASSAY_WORKER_RUNNER_H
#define ASSAY_WORKER_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/runtimes.h"
#include "worker/slot_servers.h"
#include "worker/work.h"

struct runner;
struct sandbox;

struct runner_options {
    const char *worker; /* the name that results carry; borrowed */
    unsigned slots;
    const struct runtimes *runtimes; /* borrowed, as everything here */
    const char *harness_dir;
    const char *sandbox_setting;        /* as in struct sandbox_options */
    const char *const *allow_missing;   /* NULL-terminated */
    const char *const *read_only_paths; /* NULL-terminated, beside those of the runtimes; NULL: none */
    int64_t uid_base;
    int64_t compile_cache_bytes; /* 0 = none */
    struct warm_options warm;
};

/* Opens the slots. An error names the slot and what its sandbox lacks. */
struct runner *runner_open(struct loop *loop, const struct runner_options *options, struct err *err);
/* Kills what runs; works that are not done are forgotten without a call. NULL is fine. */
void runner_close(struct runner *runner);
void runner_set_persistent(struct runner *runner, bool persistent);
/* Whether idle slots make the sandboxes of tasks to come (slot_park.h); at first they do not. */
void runner_set_parking(struct runner *runner, bool parking);
/* Before it parks: each slot has the warm servers that it was opened with, and no others. */
void runner_end_servers_on_demand(struct runner *runner);

/* Puts `work` into the waiting list. It is started, and its callbacks are called, from runner_step or the
 * loop, never from here. */
void runner_submit(struct runner *runner, struct work *work);
/* Takes a work that waits back: no callback follows. False when it runs or is done. */
bool runner_take_back(struct runner *runner, struct work *work);
/* All works of this job, waiting or running, end error/cancelled. Returns how many. */
size_t runner_cancel_job(struct runner *runner, const char *job_id);

/* Starts what can be started, recovers sick seats. Call after each round of events. Returns when it wants to
 * be called again at the latest (clock_ms scale), -1 = only after an event. */
int64_t runner_step(struct runner *runner, int64_t now_ms);

struct runner_state {
    unsigned slots, busy, dead;
    unsigned idle; /* could start a work now: 0 while not healthy */
    size_t waiting;
    bool healthy;
    uint64_t infra_faults; /* since the start */
    char trouble[256];     /* why it is not healthy, or a slot dead; else "" */
};
void runner_state(const struct runner *runner, struct runner_state *state);
/* The warm servers of the first slot, and how they do. `state` is valid until the loop runs. */
const struct slot_servers *runner_warm_servers(const struct runner *runner);
const struct sandbox_server_state *runner_warm_state(const struct runner *runner, unsigned number);
/* The mechanisms in force in the first slot, NULL-terminated. */
const char *const *runner_mechanisms(const struct runner *runner);

/* The sandbox of slot `number` (from 1 on), for the self-attack before anything is submitted; NULL when there
 * is no such slot. */
struct sandbox *runner_sandbox(const struct runner *runner, unsigned number);

/* The parsed self-test task of a runtime (task_free); NULL with an error when the stanza's is no task. */
struct task *runner_self_test(const struct runtimes *runtimes, const struct runtime *runtime,
                              struct err *err);

#endif
