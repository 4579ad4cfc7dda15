/*
 * Verdicts that a waiting queue may have missed while the broker was away (a queue that did not survive, a
 * node of a cluster that stays down), read from the database. Once started it looks again and again, less
 * often each time, until it is freed: the collector may be behind. Without pg_url it does nothing.
 */
#ifndef ASSAY_PRODUCER_CATCH_UP_H
#define ASSAY_PRODUCER_CATCH_UP_H

#include "common/err.h"
#include "common/loop.h"
#include "producer/config.h"
#include "producer/jobs.h"
#include "producer/wait.h"

struct catch_up;

/* All borrowed for its life. Each verdict of the jobs comes to on_result, also those that came before. */
struct catch_up *catch_up_new(struct loop *loop, const struct producer_config *config,
                              const struct jobs *jobs, const struct waiter_callbacks *callbacks,
                              struct err *err);
void catch_up_start(struct catch_up *catch_up);
/* The same, with the first look at once: what was stored before the wait began is awaited as well. */
void catch_up_at_once(struct catch_up *catch_up);
void catch_up_free(struct catch_up *catch_up); /* NULL is fine */

#endif
