#include "producer/queue_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/message/names.h"

bool queue_checks_first(struct queue_checks *checks, const char *routing_key)
{
    for (size_t i = 0; i < checks->count; i++) {
        if (strcmp(checks->keys[i], routing_key) == 0)
            return false;
    }
    char *copy = checks->count < QUEUE_CHECKS_MAX ? strdup(routing_key) : NULL;
    if (copy == NULL)
        return false;
    checks->keys[checks->count++] = copy;
    return true;
}

void queue_checks_free(struct queue_checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        free(checks->keys[i]);
    checks->count = 0;
}

bool queue_check(struct broker *broker, const char *routing_key, struct err *err)
{
    char queue[sizeof(QUEUE_TASKS_PREFIX) + 256];
    (void)snprintf(queue, sizeof queue, "%s%s", QUEUE_TASKS_PREFIX, routing_key);
    bool exists = true;
    uint32_t messages = 0;
    uint32_t consumers = 1;
    if (broker == NULL)
        return true; /* not there at the moment: the mandatory flag of each task tells later */
    if (!broker_inspect_queue(broker, queue, &exists, &messages, &consumers, err))
        return false;
    if (!exists)
        return err_set(err, ERR_PROTOCOL,
                       "the broker has no queue %s for the runtime '%s'; add the runtime to the broker's "
                       "definitions (conf/broker/definitions --runtimes), or correct the field 'runtime'",
                       queue, routing_key);
    if (consumers == 0)
        (void)fprintf(
            stderr,
            "assay-producer: warning: no worker serves the runtime '%s' (queue %s has no consumer); its "
            "tasks wait there until one starts\n",
            routing_key, queue);
    return true;
}
