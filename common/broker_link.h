/*
 * A broker connection that comes back: opens it, watches it in the loop, calls broker_process and serves
 * heartbeats, and after a loss opens it again with backoff (100 ms to 30 s, full jitter). What the program
 * holds about the old connection (delivery tags, unconfirmed publishes) is dead once on_down was called. A
 * publisher confirm that does not come within confirm_timeout_s counts as a loss (silence.h).
 */
#ifndef ASSAY_COMMON_BROKER_LINK_H
#define ASSAY_COMMON_BROKER_LINK_H

#include "common/broker.h"
#include "common/loop.h"

struct broker_link;

struct broker_link_callbacks {
    void *context;
    /* Connected: declare, bind, consume. False: treated as a failed connection, closed and tried again. */
    bool (*on_up)(void *context, struct broker *broker, struct err *err);
    /* Lost (or on_up failed); called once for each successful connection, and for each failed attempt with
     * `was_up` false. */
    void (*on_down)(void *context, bool was_up, const struct err *why);
    /* The lowest sequence number that the broker has neither confirmed nor refused; 0: none. NULL: its
     * confirms are not waited for. */
    uint64_t (*oldest_unconfirmed)(void *context);
};

/* Copies the options (strings too). Does not connect yet. */
struct broker_link *broker_link_new(struct loop *loop, const struct broker_options *options,
                                    const struct broker_handler *handler,
                                    const struct broker_link_callbacks *callbacks, struct err *err);
/* First attempt at once; its failure is returned (so that a program can end with exit 3) and nothing is
 * scheduled. */
bool broker_link_connect(struct broker_link *link, struct err *err);
/* Start (or continue) trying in the background. */
void broker_link_start(struct broker_link *link);
/* The live connection, or NULL while it is down. */
struct broker *broker_link_broker(struct broker_link *link);
/* A call on the connection failed outside of broker_process: take it down and reconnect. */
void broker_link_fail(struct broker_link *link, const struct err *why);
void broker_link_free(struct broker_link *link); /* closes politely; NULL is fine */

#endif
