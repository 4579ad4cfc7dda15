/*
 * A verdict as a row of the table `executions`: each column as PostgreSQL takes it in binary form, so that
 * nothing is escaped here and read again there. Pure.
 */
#ifndef ASSAY_COLLECTOR_ROW_H
#define ASSAY_COLLECTOR_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/message/result.h"

enum row_column {
    ROW_JOB_ID,
    ROW_TASK_ID,
    ROW_RUNTIME,
    ROW_STATUS,
    ROW_REASON,
    ROW_PASS_RATE,
    ROW_PASSED,
    ROW_FAILED,
    ROW_SKIPPED,
    ROW_TOTAL,
    ROW_ERRORS,
    ROW_TESTS,
    ROW_TESTS_TRUNCATED,
    ROW_STDOUT,
    ROW_STDERR,
    ROW_STDOUT_TRUNCATED,
    ROW_STDERR_TRUNCATED,
    ROW_EXIT_CODE,
    ROW_SIGNAL,
    ROW_QUEUED_MS,
    ROW_SETUP_MS,
    ROW_COMPILE_MS,
    ROW_RUN_MS,
    ROW_CPU_MS,
    ROW_PEAK_MEMORY_KB,
    ROW_COVERAGE,
    ROW_CACHED,
    ROW_LABELS,
    ROW_RECONSTRUCTION_ID,
    ROW_WORKER,
    ROW_ATTEMPT,
    ROW_SANDBOX,
    ROW_STARTED_AT,
    ROW_FINISHED_AT,
    ROW_COLUMN_COUNT
};

struct row {
    char *text;                       /* all values, each as it is sent */
    size_t offsets[ROW_COLUMN_COUNT]; /* ROW_NULL = SQL NULL */
    size_t size;
    enum status status;
    enum reason reason;
    bool ran;                  /* started in a slot: */
    int64_t queued_ms, run_ms; /* how long it waited before, and how long it took there */
    bool replaceable;          /* a later real verdict may take its place */
};
#define ROW_NULL SIZE_MAX

/* The caller frees it with row_free. */
struct row *row_new(const struct result *result);
void row_free(struct row *row); /* NULL is fine */
/* The value as it is sent, a text or JSON as the C string that it is; NULL for SQL NULL. Valid as long as the
 * row. */
const char *row_value(const struct row *row, enum row_column column);

/* Appends one column of many rows as a binary array (array.h). */
void row_append_array(const struct row *const *rows, size_t count, enum row_column column, struct buf *out);
/* Parts of the statement: the columns' names; the SELECT that gives them from the arrays as $1, $2, ...; what
 * makes another row out of one that is there. */
void row_append_names(struct buf *out);
void row_append_source(struct buf *out);
void row_append_assignments(struct buf *out);

/*
 * Two rows with one identity cannot be in one statement. Sorts `rows` by identity (so that two collectors
 * lock in one order) and moves to the front the one of each that is to be stored: the first real verdict,
 * else the first. `order` permutes an array of the caller's alike. The number of rows to store.
 */
size_t row_choose(const struct row **rows, void **order, size_t count);

#endif
