/*
 * A slot: one sandbox, and the task that runs in it. Asynchronous, driven by the worker's loop.
 *
 * slot_run takes a task through its steps (compile, each case, the suite) in the slot's sandbox, keeps the
 * time, captures output, reads the report, and calls on_done exactly once with the verdict, or with the infra
 * fault that kept it from one. The slot knows nothing of brokers, retries or acknowledgements.
 */
#ifndef ASSAY_WORKER_SLOT_H
#define ASSAY_WORKER_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/message/result.h"
#include "common/message/task.h"
#include "worker/build_cache.h"
#include "worker/slot_servers.h"

struct slot;

enum slot_end {
    SLOT_VERDICT,   /* `result` is complete but for worker, attempt and queued_ms, which are the caller's to
                       fill in */
    SLOT_INFRA,     /* the machinery failed: `err`; the task may be tried again; the slot must be reopened
                       (slot_reopen) */
    SLOT_CANCELLED, /* slot_cancel was called in time */
};

/* `result` is handed over (result_free) and set only with SLOT_VERDICT. Called from the loop, never from
 * inside slot_run. */
typedef void slot_done_fn(void *context, struct slot *slot, enum slot_end end, struct result *result,
                          const struct err *err);

struct slot_options {
    unsigned number;         /* 1-based */
    const char *harness_dir; /* host path */
    const struct runtimes *runtimes;
    const char *sandbox_setting; /* as in struct sandbox_options */
    const char *const *allow_missing;
    const char *const *read_only_paths; /* as in struct runner_options */
    int64_t uid_base;                   /* the slot's uid is uid_base + number (as root) */
    struct build_cache *builds;         /* borrowed; NULL = none */
    struct warm_options warm;
};

/* Makes the process ignore SIGPIPE: a program that does not read its input is no error of the worker's. */
struct slot *slot_open(struct loop *loop, const struct slot_options *options, slot_done_fn *on_done,
                       void *context, struct err *err);
void slot_close(struct slot *slot); /* kills what runs, without on_done; NULL is fine */
/* A fresh sandbox after SLOT_INFRA. */
bool slot_reopen(struct slot *slot, struct err *err);
/* Starts a task (after SLOT_INFRA without slot_reopen it tries that first); it stays the caller's and must
 * live until on_done. The slot must be idle. An immediate failure is reported by on_done as well. */
void slot_run(struct slot *slot, const struct task *task);
void slot_cancel(struct slot *slot); /* no effect when idle */
/* Nothing waits for this slot: makes the next task's sandbox ahead, unless it has one already, as far as the
 * last task tells what it will be like. */
void slot_park(struct slot *slot);
/* Waits until the warm servers that were started with the slot serve, or have failed to (seconds at worst).
 */
void slot_wait_for_servers(struct slot *slot);
/* While it has nothing to do, and nothing is parked: those that tasks have brought (warm_options.at_once) go
 * until the next one. */
void slot_end_servers_on_demand(struct slot *slot);
bool slot_is_idle(const struct slot *slot);
unsigned slot_number(const struct slot *slot);
/* For the self-attack at start, while the slot is idle; NULL when it is broken. */
struct sandbox *slot_sandbox(const struct slot *slot);
/* Its warm servers, in the order of their numbers. */
const struct slot_servers *slot_warm_servers(const struct slot *slot);
const char *const *slot_mechanisms(const struct slot *slot); /* NULL-terminated; in force in its sandbox */

#endif
