/* Which runtimes of a slot have a warm server (sandbox/warm.h), and which steps may use it. */
#ifndef ASSAY_WORKER_SLOT_SERVERS_H
#define ASSAY_WORKER_SLOT_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "common/runtimes.h"
#include "worker/sandbox/sandbox.h"

struct plan;
struct plan_step;

/* As configured; borrowed. */
struct warm_options {
    bool enabled;
    const struct config_list *runtimes; /* those that are served; an empty list: all */
    bool fast_path;   /* suites may be run without their framework, where that is the same */
    bool keep_suites; /* what a harness made of a suite's text is kept for the next task with it */
    bool park;        /* an idle slot makes the next task's sandbox ahead (slot_park.h) */
    bool at_once;     /* servers of cases start with the slot, not with the first task that has any */
    int64_t tasks_max, growth_bytes; /* 0 = no limit */
};

struct slot_servers {
    size_t count;
    const struct runtime *runtimes[SANDBOX_SERVERS_MAX];
    bool cases[SANDBOX_SERVERS_MAX];                  /* it serves cases, not suites */
    struct sandbox_server items[SANDBOX_SERVERS_MAX]; /* in the same order */
};

/* One for each warm_suite and each warm_case of the runtimes, as far as SANDBOX_SERVERS_MAX goes. The
 * runtimes must outlive it. */
bool slot_servers_init(struct slot_servers *servers, const struct runtimes *runtimes,
                       const struct warm_options *options, struct err *err);
void slot_servers_free(struct slot_servers *servers);
/* Tells the sandbox of them, in the options that it is opened with. */
void slot_servers_request(const struct slot_servers *servers, const struct warm_options *options,
                          struct sandbox_options *sandbox_options);
/* The number (from 1 on) of the server that a step has, or will have once it is asked for; 0: it runs cold.
 * Only suites and cases are warm, and not suites of tasks that want coverage, or steps with too little memory
 * for what the server has loaded already. */
unsigned slot_servers_for(const struct slot_servers *servers, const struct sandbox *sandbox,
                          const struct plan *plan, const struct plan_step *step);
/* What server `number` serves: "suites" or "cases". */
const char *slot_servers_steps(const struct slot_servers *servers, unsigned number);
/* Logs what SANDBOX_SERVER tells. */
void slot_servers_log(const struct slot_servers *servers, const struct sandbox *sandbox, unsigned slot,
                      unsigned number);

#endif
