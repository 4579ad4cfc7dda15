/*
 * The life of each delivery from receipt to acknowledgement. Pure: knows no broker, clock or slot; the caller
 * does what it says.
 *
 *   received -> WAITING -> RUNNING -> FINISHED -> PUBLISHED --confirmed--> settled: its deliveries are
 *                  ^          |          ^            |                    acknowledged, the entry is gone
 *                  +--retry---+          |            +-- nacked, returned --> HELD (until retry_at_ms)
 *                                        +------------+-- connection lost
 *
 *   settled with a claim whose connection was lost -> SETTLED for LEDGER_KEEP_MS --redelivery--> FINISHED
 *
 * An entry is one task (same identity, same body); the deliveries that ask for it are its claims. A task is
 * acknowledged only after its result's publisher confirm. When the connection is lost, delivery tags and
 * sequence numbers are dead: what waits is forgotten (the broker delivers it again), what runs goes on, and
 * results that were not confirmed are published again. A redelivery of such a task joins its entry instead of
 * running twice; also when its result was confirmed before the redelivery came: then the result is published
 * once more (storing it is idempotent), and the redelivery acknowledged after that.
 */
#ifndef ASSAY_WORKER_LEDGER_H
#define ASSAY_WORKER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/backoff.h"
#include "common/digest.h"
#include "common/text.h"

enum entry_state {
    ENTRY_WAITING,
    ENTRY_RUNNING,
    ENTRY_FINISHED,  /* its result is to be published now */
    ENTRY_PUBLISHED, /* published under `sequence`, not confirmed */
    ENTRY_HELD,      /* the broker refused its result: to be published again at retry_at_ms */
    ENTRY_SETTLED,   /* confirmed; kept, because its delivery may come again */
    ENTRY_STATES
};

#define LEDGER_KEEP_MS 60000

/* One delivery that asks for this task. */
struct claim {
    uint64_t tag;                    /* 0: the connection that it came over is gone */
    char *reply_to, *correlation_id; /* NULL = none */
};

/* Read by the caller, changed by the functions below alone. */
struct entry {
    char job_id[TEXT_ID_MAX + 1];
    char task_id[TEXT_ID_MAX + 1];
    unsigned char digest[DIGEST_SIZE]; /* of the body */
    enum entry_state state;
    struct claim *claims;
    size_t claim_count;
    char *result; /* the body to publish; from FINISHED on */
    size_t result_size;
    char *routing_key;
    uint64_t sequence;   /* PUBLISHED */
    bool returned;       /* PUBLISHED: came back as unroutable; its confirm will follow */
    int64_t retry_at_ms; /* HELD; SETTLED: when it is forgotten */
    struct backoff backoff;
    void *owner; /* the caller's */
    struct entry *next;
};

struct ledger;

struct ledger *ledger_new(void);         /* NULL without memory */
void ledger_free(struct ledger *ledger); /* NULL is fine; owners are the caller's to free before */

struct ledger_receipt {
    const char *job_id, *task_id;
    const unsigned char *digest; /* DIGEST_SIZE bytes */
    uint64_t tag;
    bool redelivered;                      /* basic.deliver's flag */
    const char *reply_to, *correlation_id; /* NULL = none; copied */
};

/*
 * Enters a delivery. A new task gets an entry in state WAITING with owner NULL (`*joined` false). A task that
 * is here already gets one claim more, or its lost claim back (`*joined` true). NULL without memory.
 */
struct entry *ledger_receive(struct ledger *ledger, const struct ledger_receipt *receipt, bool *joined);

void ledger_start(struct ledger *ledger, struct entry *entry);      /* WAITING -> RUNNING */
void ledger_wait_again(struct ledger *ledger, struct entry *entry); /* RUNNING -> WAITING */
/* WAITING or RUNNING -> FINISHED. Takes `result` and `routing_key` (malloc'ed). */
void ledger_finish(struct ledger *ledger, struct entry *entry, char *result, size_t size, char *routing_key);
/* The next entry whose result is to be published now; NULL when there is none. */
struct entry *ledger_next_to_publish(struct ledger *ledger, int64_t now_ms);
void ledger_published(struct ledger *ledger, struct entry *entry, uint64_t sequence);

/* basic.return of a result (known by its body): its confirm will not settle it. NULL when none matches. */
struct entry *ledger_returned(struct ledger *ledger, const void *body, size_t size);

/* Called for each entry that a confirm settles: acknowledge its claims, send the replies, free the owner. */
typedef void ledger_settle_fn(void *context, struct entry *entry);

struct ledger_verdict {
    uint64_t sequence;
    bool multiple;
    bool accepted; /* false: basic.nack, held and tried again with backoff */
    int64_t now_ms;
    uint32_t random; /* for the backoff's jitter */
};
/* Returns how many entries are held because of it. Once a refused result is taken, the others are due at
 * once.
 */
size_t ledger_confirm(struct ledger *ledger, const struct ledger_verdict *verdict, ledger_settle_fn *settle,
                      void *context);

/* The connection is gone. `forget` is called for each entry that waited, before it is freed. */
void ledger_lose_connection(struct ledger *ledger, ledger_settle_fn *forget, void *context);

/* Takes an entry out whatever its state (handed back): frees it. */
void ledger_remove(struct ledger *ledger, struct entry *entry);

/* The first entry after `entry` (NULL: from the start) in this state; NULL at the end. */
struct entry *ledger_next(struct ledger *ledger, const struct entry *entry, enum entry_state state);
size_t ledger_count(const struct ledger *ledger, enum entry_state state);
/* The lowest sequence number of what is PUBLISHED; 0 = nothing is. */
uint64_t ledger_oldest_unconfirmed(const struct ledger *ledger);
/* Of all states but SETTLED. */
size_t ledger_total(const struct ledger *ledger);
/* Forgets the settled entries whose time is over. */
void ledger_expire(struct ledger *ledger, int64_t now_ms);
/* Entries whose result the broker refused and has not taken since, whether held or being tried again: while
 * there are any, nothing more should be consumed. */
size_t ledger_refused(const struct ledger *ledger);
/* When the next held result is due (clock_ms scale); -1 = none is held. */
int64_t ledger_next_retry_ms(const struct ledger *ledger);

const char *entry_state_name(enum entry_state state);

#endif
