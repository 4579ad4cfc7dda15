/*
 * Tasks that may be what kills workers. A worker that dies gives back all it has at hand, and the broker
 * counts a delivery more for each (RabbitMQ 3.x), so that a poisonous task could take its innocent neighbours
 * to the delivery limit with it. From half of the limit on a task is a suspect: the worker takes nothing
 * more, lets what else it has finish and be acknowledged, and then runs its suspects one at a time, in random
 * order. An innocent one so gets its verdict, with all but certainty, in one of the tries that are left
 * before the limit; the guilty one has nobody beside it.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "common/clock.h"
#include "worker/delivery_internal.h"

bool delivery_suspect(struct assignment *assignment)
{
    struct delivery *delivery = assignment->delivery;
    if (assignment->earlier_deliveries < intake_suspect_from(delivery->options.config->delivery_limit))
        return false;
    struct log_context context = delivery_log_context(assignment->entry);
    log_line(LOG_LEVEL_WARN, &context, "delivered %lld times before: it runs alone",
             (long long)assignment->earlier_deliveries);
    assignment->suspect = true;
    delivery->suspects++;
    return true;
}

void delivery_forget_suspect(struct assignment *assignment)
{
    if (!assignment->suspect)
        return;
    assignment->suspect = false;
    assignment->delivery->suspects--;
}

/* Whether all that is at hand are suspects that wait; how many. */
static bool only_suspects_wait(const struct delivery *delivery, size_t *count)
{
    *count = 0;
    struct entry *entry = NULL;
    while ((entry = ledger_next(delivery->ledger, entry, ENTRY_WAITING)) != NULL) {
        const struct assignment *assignment = entry->owner;
        if (!assignment->suspect || assignment->released)
            return false;
        ++*count;
    }
    return *count == ledger_total(delivery->ledger);
}

void delivery_release_suspect(struct delivery *delivery)
{
    size_t count = 0;
    if (delivery->suspects == 0 || delivery->draining || !only_suspects_wait(delivery, &count))
        return;
    struct entry *entry = ledger_next(delivery->ledger, NULL, ENTRY_WAITING);
    const struct assignment *first = entry->owner;
    size_t chosen = (size_t)first->earlier_deliveries % count;
    while (chosen-- > 0)
        entry = ledger_next(delivery->ledger, entry, ENTRY_WAITING);
    struct assignment *assignment = entry->owner;
    assignment->released = true;
    delivery_run(assignment);
}
