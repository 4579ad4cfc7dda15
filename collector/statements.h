/* The collector's SQL. Every statement is a transaction of its own, and may be sent again without harm. */
#ifndef ASSAY_COLLECTOR_STATEMENTS_H
#define ASSAY_COLLECTOR_STATEMENTS_H

#include "common/buf.h"

/*
 * Stores verdicts: one binary array a column ($1 ... in the order of enum row_column), no identity twice.
 * One row comes back: rows inserted, rows replaced, ids of reconstructions that do not exist (text or NULL).
 */
void statement_store_results(struct buf *out);

/* $1 job_id, $2 part, $3 total, $4 labels. */
extern const char statement_announce_job[];
/* $1 job_id. */
extern const char statement_cancel_job[];
/* $1 job_id: its cancel is lifted. */
extern const char statement_resume_job[];
/* What workers have to know of jobs: job_id, and whether it is cancelled (else its cancel was lifted lately).
 */
extern const char statement_standing_orders[];
/* $1 kind, $2 job_id, $3 task_id, $4 exchange, $5 routing_key, $6 body (bytea), $7 properties, $8 headers, $9
 * reason, $10 count. */
extern const char statement_dead_letter[];
/* $1 job_id, $2 task_id: one row, true, when the stored verdict is still the one that the collector wrote. */
extern const char statement_is_undeliverable[];
/* Arrays: $1 worker, $2 host, $3 pid, $4 version, $5 slots, $6 busy, $7 consuming, $8 runtimes, $9
 * tasks_done, $10 tasks_error, $11 heartbeat_s, $12 started_at (ms), $13 age of the event (ms), $14 is a
 * goodbye. */
extern const char statement_workers[];
/* What is deleted when it is old: $1 days, $2 rows at most. The first one are the verdicts. */
struct statement_cleaning {
    const char *what, *sql;
};
#define STATEMENTS_CLEANING 5
extern const struct statement_cleaning statements_cleaning[STATEMENTS_CLEANING];

#endif
