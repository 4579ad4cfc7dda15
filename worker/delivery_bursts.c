/*
 * When results and acknowledgements leave. Each publish and each acknowledgement is an entry in the log of a
 * quorum queue, written to disk on all its nodes, and several that come at once cost the broker hardly more
 * than one. So while more tasks wait here, both are held for some milliseconds, a quarter of the prefetch at
 * most, lest the broker run out of tasks that it may send. Who asks one task and waits for its answer
 * (reply_to) is not kept waiting. What a worker holds when it dies is run again, as if it had died those
 * milliseconds before; storing a result again is idempotent.
 */
#include "common/clock.h"
#include "worker/delivery_internal.h"

#define HOLD_MS   20
#define HELD_PART 4

static bool may_wait(const struct delivery *delivery, size_t held, int64_t due_ms, int64_t now_ms)
{
    return ledger_count(delivery->ledger, ENTRY_WAITING) > 0 && delivery->suspects == 0 &&
           !delivery->draining && held < delivery->lanes.prefetch / HELD_PART && now_ms < due_ms;
}

void delivery_hold_result(struct delivery *delivery, const struct entry *entry)
{
    if (delivery->results_due_ms == 0)
        delivery->results_due_ms = clock_ms() + HOLD_MS;
    for (size_t i = 0; i < entry->claim_count; i++) {
        if (entry->claims[i].reply_to != NULL)
            delivery->results_due_ms = clock_ms();
    }
}

int64_t delivery_publish(struct delivery *delivery, int64_t now_ms)
{
    size_t finished = ledger_count(delivery->ledger, ENTRY_FINISHED);
    if (finished > 0 && may_wait(delivery, finished, delivery->results_due_ms, now_ms))
        return delivery->results_due_ms;
    delivery->results_due_ms = 0;
    delivery_publish_results(delivery, now_ms);
    return -1;
}

void delivery_hold_ack(struct delivery *delivery, uint64_t tag)
{
    if (acks_finish(&delivery->acks, delivery->acks.channel, tag) && delivery->acks_due_ms == 0)
        delivery->acks_due_ms = clock_ms() + HOLD_MS;
}

int64_t delivery_acknowledge(struct delivery *delivery, int64_t now_ms)
{
    if (delivery->acks.finished == 0)
        return -1;
    if (may_wait(delivery, delivery->acks.finished, delivery->acks_due_ms, now_ms))
        return delivery->acks_due_ms;
    struct broker *broker;
    uint64_t tag;
    bool multiple;
    delivery->acks_due_ms = 0;
    while ((broker = broker_link_broker(delivery->link)) != NULL &&
           acks_next(&delivery->acks, &tag, &multiple)) {
        struct err err = ERR_INIT;
        delivery_cork(delivery, broker);
        if (!broker_ack(broker, tag, multiple, &err))
            broker_link_fail(delivery->link, &err);
    }
    return -1;
}
