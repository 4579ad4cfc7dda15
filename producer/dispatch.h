/*
 * Takes tasks from a source to the broker, and where asked waits for their verdicts: the engine of publish,
 * run, rerun and pending. Owns the event loop, the publishing and the waiting connection, the progress line
 * and the output of verdicts.
 */
#ifndef ASSAY_PRODUCER_DISPATCH_H
#define ASSAY_PRODUCER_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/message/job.h"
#include "producer/config.h"
#include "producer/console.h"
#include "producer/source.h"
#include "producer/summary.h"

struct dispatch;

struct dispatch_options {
    const struct producer_config *config;
    int64_t total;      /* for progress and ETA; 0 = not known */
    int64_t rate;       /* tasks a second at most; 0 = as fast as the broker confirms */
    int64_t timeout_ms; /* for all of it; 0 = none */
    bool wait;
    enum console_output output;
    const char *results_file; /* the result messages go here as lines; NULL = nowhere */
    bool quiet;               /* no progress line */
    /* Further use of each first verdict; may be NULL. */
    void (*on_verdict)(void *context, const struct result *result);
    /* Once, when the source has ended and all its tasks are settled: announcements that need the whole. May
     * be NULL. */
    bool (*finished)(void *context, struct dispatch *dispatch, struct err *err);
    /* Each task that the broker confirms; may be NULL. False ends all of it. */
    bool (*confirmed)(void *context, const char *job_id, const char *task_id, struct err *err);
    void *context;
    bool
        check_queues; /* look at each runtime's queue when its first task comes: warn where nobody consumes */
};

enum dispatch_end { DISPATCH_DONE, DISPATCH_FAILED, DISPATCH_TIMED_OUT, DISPATCH_INTERRUPTED };

struct dispatch_report {
    enum dispatch_end end;
    int signal_number; /* of DISPATCH_INTERRUPTED */
    int64_t confirmed; /* tasks that the broker has */
    int64_t returned;  /* tasks that no queue took */
    int64_t known;     /* tasks that were published before and are only waited for */
    int64_t elapsed_ms;
    struct summary summary; /* with wait */
};

/* Opens the results file, connects, declares the waiting queue. NULL: ERR_IO, ERR_UNREACHABLE, ERR_DENIED ...
 */
struct dispatch *dispatch_open(const struct dispatch_options *options, struct err *err);
void dispatch_close(struct dispatch *dispatch); /* NULL is fine */
struct loop *dispatch_loop(struct dispatch *dispatch);
bool dispatch_connected(const struct dispatch *dispatch);
/* Makes the next round ask the source again, at once. */
void dispatch_wake(struct dispatch *dispatch);

/* Binds the results of a job before anything is published; only with wait. */
bool dispatch_expect_job(struct dispatch *dispatch, const char *job_id, struct err *err);
/* ERR_PROTOCOL when no queue takes this routing key; warns on standard error when nobody consumes from it. */
bool dispatch_check_queue(struct dispatch *dispatch, const char *routing_key, struct err *err);
/* Puts a job message on its way (confirmed like tasks). */
bool dispatch_announce(struct dispatch *dispatch, const struct job_message *message, struct err *err);

/* Until every task is settled and, with wait, every verdict is there. `err` is set with DISPATCH_FAILED; the
 * report is filled in every case. */
enum dispatch_end dispatch_run(struct dispatch *dispatch, const struct source *source,
                               struct dispatch_report *report, struct err *err);

/* The exit status that a report means: 0, 1 (some not pass), 4 (returned tasks), 5 (timed out), 128 + signal.
 */
int dispatch_exit_status(const struct dispatch_report *report);

#endif
