/*
 * When tasks are acknowledged. Each acknowledgement is an entry in the log of a quorum queue, written to disk
 * on all its nodes, and one for many costs the broker no more than one for one. So while more tasks wait
 * here, those that are settled are held for some milliseconds, a quarter of the prefetch at most, lest the
 * broker run out of tasks that it may send. Nobody waits for them: the result is out, and confirmed. What a
 * worker holds when it dies is run again, and storing its result again is idempotent.
 */
#include "common/clock.h"
#include "worker/delivery_internal.h"

#define HOLD_MS   20
#define HELD_PART 4

void delivery_hold_ack(struct delivery *delivery, uint64_t tag)
{
    if (acks_finish(&delivery->acks, delivery->acks.channel, tag) && delivery->acks_due_ms == 0)
        delivery->acks_due_ms = clock_ms() + HOLD_MS;
}

static bool may_wait(const struct delivery *delivery, int64_t now_ms)
{
    return ledger_count(delivery->ledger, ENTRY_WAITING) > 0 && delivery->suspects == 0 &&
           !delivery->draining && delivery->acks.finished < delivery->lanes.prefetch / HELD_PART &&
           now_ms < delivery->acks_due_ms;
}

int64_t delivery_acknowledge(struct delivery *delivery, int64_t now_ms)
{
    if (delivery->acks.finished == 0)
        return -1;
    if (may_wait(delivery, now_ms))
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
