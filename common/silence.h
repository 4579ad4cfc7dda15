/*
 * When to stop waiting for a publisher confirm. A queue that lost the majority of its nodes neither confirms
 * nor refuses, and RabbitMQ 3.10 may forget such a message for good: once the nodes are back, its connection
 * still stands and no confirm ever comes. So a wait that is too long is ended with a new connection, over
 * which the message is published again.
 *
 * Each new connection makes the broker deliver again what was not acknowledged, and counts it as an attempt:
 * while nothing at all is confirmed the patience doubles, up to four times, so that a broker that is merely
 * slow does not soon use up a task's delivery limit. Pure: knows no clock.
 */
#ifndef ASSAY_COMMON_SILENCE_H
#define ASSAY_COMMON_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

struct silence {
    uint64_t oldest; /* sequence number of the oldest unconfirmed message; 0 = none */
    int64_t since_ms, looked_ms;
    unsigned unheard; /* connections in a row that were given up */
};

#define SILENCE_LOOK_MS 1000 /* silence_look is to be called about this often */

/* A connection begins, whose sequence numbers start anew. */
void silence_begin(struct silence *silence, int64_t now_ms);
/* The broker blocks publishers: what it takes its time for does not count. */
void silence_excuse(struct silence *silence, int64_t now_ms);
/* True when `oldest` has been unconfirmed for too long: the connection is to be given up. A time in which the
 * program itself did not run (no look for several periods) does not count. */
bool silence_look(struct silence *silence, uint64_t oldest, int64_t patience_ms, int64_t now_ms);

#endif
