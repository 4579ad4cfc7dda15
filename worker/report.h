/*
 * The report of a suite (docs/harness.md): what the harness wrote on its private descriptor, line by line,
 * checked against its secret, and the account of which tests had to report and which did. Pure.
 *
 * Nothing here trusts the peer: the program lives in the same process as the harness. Whatever breaks the
 * protocol is a forgery, all sizes are bounded.
 */
#ifndef ASSAY_WORKER_REPORT_H
#define ASSAY_WORKER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/message/result.h"
#include "worker/report_json.h"

#define REPORT_SECRET_BYTES 16 /* random; twice as many hexadecimal digits */
#define REPORT_LINE_MAX     ((size_t)64 * 1024)
#define REPORT_BYTES_MAX    ((size_t)8 * 1024 * 1024)

struct report_test {
    char *name;
    enum outcome outcome; /* OUTCOME_NOT_RUN until it reported */
    bool suite_skip;
    int64_t ms;
    char *message; /* NULL = none */
    size_t chain;  /* the next test of the same hash + 1 */
};

struct report_planned {
    char *name;
    bool met; /* a test of this name, or with parameters of it, is in `tests` */
    size_t chain;
};

#define REPORT_BUCKETS 4096

struct report {
    char secret[2 * REPORT_SECRET_BYTES + 1];
    struct buf line; /* the unfinished one */
    size_t bytes;
    size_t lines;
    const char *forgery; /* what is wrong with the report, a constant text; NULL = nothing so far */
    bool no_memory;
    bool done;
    bool fast;           /* `done` says that the framework was not needed */
    bool kept;           /* `done` says that what was made of the suite came from an earlier task */
    bool again;          /* the harness broke off: the suite is to be run once more, under its framework */
    char *again_message; /* why */
    char **failed_first; /* with `again`: the tests that failed, so far */
    size_t failed_first_count;
    char *tampered;      /* the harness's message */
    char *harness_error; /* the framework could not be started */
    enum suite_fault fault;
    char *fault_message;
    char *running; /* the test that began last and did not end */
    struct json_t *coverage;
    struct report_planned *planned;
    size_t planned_count, planned_capacity;
    struct report_test *tests; /* collected and reported ones, in order */
    size_t test_count, test_capacity;
    size_t planned_buckets[REPORT_BUCKETS]; /* index + 1 */
    size_t test_buckets[REPORT_BUCKETS];
};

void report_init(struct report *report, const char *secret);
void report_free(struct report *report);
/* A test that must report, known before the run: of a suite whose harness sends no plan. */
void report_expect(struct report *report, const char *name);
/* Bytes from the descriptor, as they come. False when the run is to be killed: forged, or no memory. */
bool report_feed(struct report *report, const char *data, size_t size);
/* After the process ended. `by_itself`: nothing killed it, so that half a line at the end is a forgery. Plan
 * names that nothing met are appended to `tests` as OUTCOME_NOT_RUN. */
void report_finish(struct report *report, bool by_itself);

/* The run is to be made again, and nothing else is said of it. After report_finish. */
bool report_asks_again(const struct report *report);
/* Tests of these names failed when the suite was run first: whatever they did now, they have not passed.
 * After report_finish. */
void report_failed_before(struct report *report, char *const *names, size_t count);

/* The first test that had to report and did not; NULL when all did. After report_finish. */
const struct report_test *report_missing(const struct report *report);
/* The test that most likely ran when the process was stopped: the one that began and did not end, else the
 * first that is missing; NULL when there is none. After report_finish. */
const char *report_interrupted(const struct report *report);

#endif
