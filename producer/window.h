/*
 * Accounting of publisher confirms: which messages wait to be sent, which are sent and unconfirmed. Pure: no
 * broker, no clock. Messages are the caller's structs that begin with a struct window_item.
 *
 * Confirms may name one sequence number or all up to one (RabbitMQ, "Publisher Confirms"). A refused message
 * (basic.nack: a full queue, a lost leader) is sent again after a backoff during which nothing else is sent
 * either, so that a full queue slows the publisher down. After the loss of a connection all unconfirmed
 * messages are sent again: the store is idempotent, so a duplicate is harmless and a loss is not.
 */
#ifndef ASSAY_PRODUCER_WINDOW_H
#define ASSAY_PRODUCER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/backoff.h"

struct window_item {
    struct window_item *next;
    uint64_t sequence; /* on the live connection; 0 = not sent on it */
    size_t bytes;
    bool returned; /* no queue took it (basic.return); its confirm is still to come */
};

struct window_list {
    struct window_item *first, *last;
};

struct window {
    size_t limit;       /* items at most */
    size_t bytes_limit; /* their bytes: a window of very large tasks stays small; one item always fits */
    size_t count, bytes;
    struct window_list waiting; /* in the order to be sent */
    struct window_list sent;    /* by sequence */
    struct backoff backoff;
    int64_t paused_until_ms; /* 0 = not paused */
    uint64_t refused;        /* nacks in all */
    uint64_t resent;         /* sends after a lost connection or a nack */
};

/* Called for each accepted item, which is out of the window then and the callee's. */
typedef void window_settled_fn(void *context, struct window_item *item);

void window_init(struct window *window, size_t limit, size_t bytes_limit);
bool window_has_room(const struct window *window);
void window_add(struct window *window, struct window_item *item);
/* The next item to send, or NULL (nothing waits, or paused). It stays in the window. */
struct window_item *window_next(const struct window *window, int64_t now_ms);
/* The item that window_next gave has gone out under `sequence` (rising). */
void window_sent(struct window *window, uint64_t sequence);
void window_confirm(struct window *window, uint64_t sequence, bool multiple, bool accepted, int64_t now_ms,
                    uint32_t random, window_settled_fn *settled, void *context);
/* The connection is gone: what was sent and not confirmed waits again, in order. */
void window_lost(struct window *window);
/* Takes any item out, for clean-up; NULL when empty. */
struct window_item *window_remove_any(struct window *window);

#endif
