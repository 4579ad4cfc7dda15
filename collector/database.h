/*
 * The database as the event loop sees it: statements wait in a queue, one at a time is with the server, and
 * the loop goes on meanwhile (heartbeats to the broker above all).
 *
 * A statement stays at the head of the queue until the server has taken it or has refused its values. A lost
 * connection, a server that goes down, a deadlock, a full disk: it is sent again, after a wait of 100 ms to
 * 30 s (backoff.h). It may thus run twice when only the answer was lost: every statement here bears that.
 */
#ifndef ASSAY_COLLECTOR_DATABASE_H
#define ASSAY_COLLECTOR_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/pg.h"

struct database;

struct database_refusal {
    char sqlstate[PG_SQLSTATE_SIZE];
    const char *message;
};

/* Called once, from the loop: with the result (valid during the call), or with the refusal (result NULL). */
typedef void database_done_fn(void *context, const struct pg_result *result,
                              const struct database_refusal *refusal);

/* `url` and `name` are copied. Nothing is connected yet. A statement that takes longer than
 * `statement_timeout_s` is ended by the server, or given up with the connection when the server is silent. */
struct database *database_new(struct loop *loop, const char *url, const char *name,
                              int64_t statement_timeout_s);
/* The first connection; its failure is returned. Later losses are repaired in the background. */
bool database_connect(struct database *database, struct err *err);
void database_free(struct database *database); /* forgets what is queued; NULL is fine */

/* Queues a statement. `sql` must live until it is done. `params` (texts; NULL is SQL NULL) are taken over:
 * they are freed one by one, the array itself is copied. */
void database_submit(struct database *database, const char *sql, int param_count, char **params,
                     database_done_fn *done, void *context);
/* The same with parameters in PostgreSQL's binary form, PG_BINARY_PARAMS_MAX at most; `sizes` is copied. */
void database_submit_binary(struct database *database, const char *sql, int param_count, char **params,
                            const int *sizes, database_done_fn *done, void *context);

bool database_is_up(const struct database *database);
/* Why the statement at the head of the queue is tried again and again (nobody's row, such as a missing table,
 * a full disk, a lock), or why there is no connection; NULL while all is well. */
const char *database_trouble(const struct database *database);
/* Statements not done yet. */
size_t database_waiting(const struct database *database);
/* Times that a connection was lost or a statement was sent again, since the start. */
int64_t database_retries(const struct database *database);

#endif
