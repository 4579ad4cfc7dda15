/*
 * Waiting for verdicts: a durable queue of our own (assay.wait.<random>, with an expiry), bound to the
 * results of the awaited jobs before anything is published. It lives through a restart of the broker; after
 * a lost connection it is declared, bound and consumed again, and what was not acknowledged comes again.
 * What it missed all the same is read from the database (catch_up.h). A classic queue, not a quorum queue:
 * one that was killed while it was being made could stay without a leader and then confirm nothing, which
 * would hold back every worker whose results are routed to it.
 */
#ifndef ASSAY_PRODUCER_WAIT_H
#define ASSAY_PRODUCER_WAIT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/message/result.h"
#include "producer/config.h"

struct waiter;

struct waiter_callbacks {
    void *context;
    /* A result of a bound job; the same one may come more than once. `body` is its JSON. Both are borrowed.
     */
    void (*on_result)(void *context, const struct result *result, const char *body, size_t size);
};

struct waiter *waiter_new(struct loop *loop, const struct producer_config *config,
                          const struct waiter_callbacks *callbacks, struct err *err);
/* The first attempt: connected, queue declared, consuming. Its failure is final; later ones are repaired. */
bool waiter_connect(struct waiter *waiter, struct err *err);
/* Binds the results of a job. False with err ERR_NONE: no connection at the moment, ask again later. False
 * with an error: too many jobs. True at once for a job that is bound. */
bool waiter_bind_job(struct waiter *waiter, const char *job_id, struct err *err);
/* Reads the verdicts of the bound jobs that are in the database already, and looks there again until the end.
 */
void waiter_read_stored(struct waiter *waiter);
/* Deletes the queue where the broker is there, else it expires by itself; NULL is fine. */
void waiter_free(struct waiter *waiter);

#endif
