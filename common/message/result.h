/*
 * The result message, `assay.result.v1` (docs/messages.md, conf/messages/result.schema.json). Pure.
 * The worker builds a struct result and serialises it; the collector and a waiting producer parse it.
 */
#ifndef ASSAY_COMMON_MESSAGE_RESULT_H
#define ASSAY_COMMON_MESSAGE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/text.h"

enum status { STATUS_PASS, STATUS_FAIL, STATUS_TIMEOUT, STATUS_ERROR, STATUS_COUNT };

enum reason {
    REASON_OK,
    REASON_ASSERTION,
    REASON_WRONG_OUTPUT,
    REASON_WALL_TIME,
    REASON_CPU_TIME,
    REASON_MEMORY,
    REASON_OUTPUT,
    REASON_PROCESSES,
    REASON_DISK,
    REASON_CRASH,
    REASON_COMPILE,
    REASON_NO_TESTS,
    REASON_TAMPERED,
    REASON_BAD_TASK,
    REASON_EXPIRED,
    REASON_CANCELLED,
    REASON_UNDELIVERABLE,
    REASON_INFRA,
    REASON_COUNT
};

enum outcome {
    OUTCOME_PASSED,
    OUTCOME_FAILED,
    OUTCOME_ERROR,
    OUTCOME_SKIPPED,
    OUTCOME_XFAILED,
    OUTCOME_XPASSED,
    OUTCOME_NOT_RUN,
    OUTCOME_COUNT
};

struct result_test {
    char *name;
    enum outcome outcome;
    int64_t ms;
    char *message; /* NULL = none */
};

#define RESULT_TESTS_MAX       1000 /* more are counted but not listed: tests_truncated */
#define RESULT_MESSAGE_MAX     4096 /* bytes of a test's message */
#define RESULT_TEST_NAME_MAX   512  /* bytes of a test's name */
#define RESULT_SANDBOX_MAX     64
#define RESULT_ERRORS_MAX      20
#define RESULT_ERROR_BYTES_MAX 4096

/* All strings are malloc'ed and owned by the struct; result_free frees them. */
struct result {
    char task_id[TEXT_ID_MAX + 1];
    char job_id[TEXT_ID_MAX + 1];
    char *runtime;         /* NULL when the task's could not be read */
    struct json_t *labels; /* an object, or NULL */
    bool has_reconstruction_id;
    int64_t reconstruction_id;
    enum status status;
    enum reason reason;
    bool has_pass_rate; /* false exactly when status is error */
    double pass_rate;
    int64_t passed, failed, skipped, total;
    char **errors; /* first the text that explains the verdict */
    size_t error_count;
    struct result_test *tests;
    size_t test_count;
    bool tests_truncated;
    char *out, *err; /* stdout, stderr; clean UTF-8; NULL = nothing */
    bool out_truncated, err_truncated;
    bool has_exit_code;
    int exit_code;
    int signal_number; /* 0 = none */
    int64_t queued_ms, setup_ms, compile_ms, run_ms, cpu_ms;
    int64_t peak_memory_kb;  /* 0 = not measured */
    struct json_t *coverage; /* an object, or NULL */
    bool cached;
    char *worker;
    int64_t attempt;
    char **sandbox; /* mechanisms in force */
    size_t sandbox_count;
    int64_t started_at_ms, finished_at_ms; /* Unix epoch; 0 = never started */
};

struct result *result_new(void); /* all zero, status error, reason infra; NULL without memory */
void result_free(struct result *result);
/* Appends a copy, cleaned and bounded; beyond the bounds it is dropped (errors) or only flagged (tests). */
void result_add_error(struct result *result, const char *text, size_t size);
void result_add_test(struct result *result, const char *name, enum outcome outcome, int64_t ms,
                     const char *message);
/* Copies a task's labels (see task.h). */
bool result_set_label(struct result *result, const char *name, const char *value);

/* Appends one line of compact JSON without a newline. */
void result_to_json(const struct result *result, struct buf *out);
/* NULL with ERR_INPUT when the body is not a result. */
struct result *result_parse(const char *body, size_t size, struct err *err);
/* The parts that are stored as JSON (result_parts.c): the same values as in the message. */
void result_labels_to_json(const struct result *result, struct buf *out); /* "{}" when there are none */
void result_errors_to_json(const struct result *result, struct buf *out);
void result_tests_to_json(const struct result *result, struct buf *out);
void result_sandbox_to_json(const struct result *result, struct buf *out);
void result_coverage_to_json(const struct result *result, struct buf *out); /* it has one */
/* "<job_id>.<status>". */
void result_routing_key(const struct result *result, struct buf *out);

const char *status_name(enum status status);
bool status_parse(const char *name, enum status *status);
const char *reason_name(enum reason reason);
bool reason_parse(const char *name, enum reason *reason);
const char *outcome_name(enum outcome outcome);
bool outcome_parse(const char *name, enum outcome *outcome);
/* May a later real verdict replace a stored one with this reason (undeliverable, cancelled, expired, infra)?
 */
bool reason_is_replaceable(enum reason reason);

#endif
