/* Whether somebody serves the queue of a routing key: asked before tasks go out to it. */
#ifndef ASSAY_PRODUCER_QUEUE_CHECK_H
#define ASSAY_PRODUCER_QUEUE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/broker.h"
#include "common/err.h"

#define QUEUE_CHECKS_MAX 64

/* The routing keys that were asked about; beyond QUEUE_CHECKS_MAX nobody asks. */
struct queue_checks {
    char *keys[QUEUE_CHECKS_MAX];
    size_t count;
};

/* True the first time that it is asked for a key. */
bool queue_checks_first(struct queue_checks *checks, const char *routing_key);
void queue_checks_free(struct queue_checks *checks);

/* ERR_PROTOCOL when no queue takes this routing key; warns on standard error when nobody consumes from it.
 * `broker` may be NULL (not there at the moment): true. */
bool queue_check(struct broker *broker, const char *routing_key, struct err *err);

#endif
