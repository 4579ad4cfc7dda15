/*
 * The JSON of the harness protocol (docs/harness.md): one line of a report, and the control object. Pure.
 * The worker's one file that includes jansson.h for it is report_json.c.
 */
#ifndef ASSAY_WORKER_REPORT_JSON_H
#define ASSAY_WORKER_REPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/message/result.h"
#include "common/message/task.h"

enum report_line_kind {
    REPORT_LINE_PLAN,
    REPORT_LINE_COLLECTED,
    REPORT_LINE_START,
    REPORT_LINE_TEST,
    REPORT_LINE_SUITE_ERROR,
    REPORT_LINE_TAMPERED,
    REPORT_LINE_COVERAGE,
    REPORT_LINE_HARNESS_ERROR,
    REPORT_LINE_AGAIN,
    REPORT_LINE_DONE,
};

/* Why a suite could not run. */
enum suite_fault { FAULT_NONE, FAULT_SUITE, FAULT_PROGRAM, FAULT_NO_TESTS };

/* Strings are clean UTF-8 without NUL and belong to the line. */
struct report_line {
    enum report_line_kind kind;
    char **names; /* PLAN, COLLECTED, AGAIN */
    size_t name_count;
    char *name; /* START, TEST */
    enum outcome outcome;
    int64_t ms;
    bool suite_skip;
    char *message; /* TEST (NULL = none), SUITE_ERROR, TAMPERED, HARNESS_ERROR, AGAIN */
    enum suite_fault fault;
    bool fast, kept;         /* DONE */
    struct json_t *coverage; /* an object */
};

/* False when the line is no line of the protocol with this secret, i.e. not written by our harness. */
bool report_line_parse(const char *text, size_t size, const char *secret, struct report_line *line);
void report_line_free(struct report_line *line);

/* Appends the control object of a task's suite. `fast`: the harness may do without its framework. */
void report_control_json(const struct task *task, const char *secret, bool fast, struct buf *out);

struct json_t *report_coverage_keep(struct json_t *coverage); /* one more reference */
void report_coverage_free(struct json_t *coverage);           /* NULL is fine */

#endif
