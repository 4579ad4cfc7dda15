/*
 * Rows of `reconstructions` as a source of tasks: claims them, joins each with its application's suite and
 * runtime, renews the claims while the broker is slow, and notes what the broker has confirmed. Survives the
 * loss of the database: tries again with backoff.
 */
#ifndef ASSAY_PRODUCER_ROWS_H
#define ASSAY_PRODUCER_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "producer/config.h"
#include "producer/dispatch.h"
#include "producer/source.h"

struct rows;

struct rows_options {
    const struct producer_config *config;
    const char *job_id;
    int64_t limit; /* rows at most; 0 = all */
    bool follow;   /* wait for more instead of ending */
};

struct rows *rows_open(const struct rows_options *options, struct err *err); /* connects to the database */
/* Must be called before dispatch_run; `dispatch` must outlive its use. */
bool rows_source(struct rows *rows, struct dispatch *dispatch, struct source *source, struct err *err);
/* Writes what was confirmed, and gives back what is claimed and not published. ERR_UNREACHABLE: the leases do
 * it. `hurry`: a signal ended us; the database has little time from now on. */
bool rows_finish(struct rows *rows, bool hurry, struct err *err);
bool rows_connected(const struct rows *rows);  /* to the database, as far as is known */
int64_t rows_refused(const struct rows *rows); /* rows that could not become a task */
/* Rows whose error verdict stands; 0 when the database cannot be asked. */
int64_t rows_standing(struct rows *rows);
void rows_close(struct rows *rows); /* after dispatch_run, before dispatch_close; NULL is fine */

#endif
