/*
 * Which deliveries may be acknowledged. Pure.
 *
 * Deliveries end in any order: one waits for a commit, another for a publisher confirm. Everything up to the
 * first unfinished one goes in a single acknowledgement (AMQP 0-9-1, basic.ack, multiple); what ended behind
 * it is acknowledged alone, at once: otherwise one delivery that waits could use up the whole prefetch.
 * Tags belong to one channel: after its loss they mean nothing, and the broker delivers again.
 */
#ifndef ASSAY_COMMON_ACKS_H
#define ASSAY_COMMON_ACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acks {
    struct acks_entry *entries; /* in the order of their tags, from `head` on */
    size_t head, count, capacity;
    size_t open;      /* not finished yet */
    size_t finished;  /* finished and not acknowledged yet */
    unsigned channel; /* grows by one with each loss */
};

void acks_free(struct acks *acks);
/* A delivery came; tags grow on a channel. False without memory: it is not known, and an
 * acknowledgement of those around it would be its own too; the channel has to go. */
bool acks_add(struct acks *acks, uint64_t tag);
/* It is finished. False when it came over a channel that is gone: nothing to acknowledge. */
bool acks_finish(struct acks *acks, unsigned channel, uint64_t tag);
/* It was rejected: there is nothing to acknowledge. */
void acks_forget(struct acks *acks, uint64_t tag);
/* The next acknowledgement to send; false when there is none. It counts as sent. */
bool acks_next(struct acks *acks, uint64_t *tag, bool *multiple);
/* The channel is gone, and all its tags with it. */
void acks_drop(struct acks *acks);

#endif
