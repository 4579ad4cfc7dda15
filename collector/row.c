#include "collector/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collector/memory.h"
#include "common/clock.h"

const struct row_column_type row_columns[ROW_COLUMN_COUNT] = {
    [ROW_JOB_ID] = {"job_id", "text"},
    [ROW_TASK_ID] = {"task_id", "text"},
    [ROW_RUNTIME] = {"runtime", "text"},
    [ROW_STATUS] = {"status", "text"},
    [ROW_REASON] = {"reason", "text"},
    [ROW_PASS_RATE] = {"test_pass_rate", "float8"},
    [ROW_PASSED] = {"passed", "integer"},
    [ROW_FAILED] = {"failed", "integer"},
    [ROW_SKIPPED] = {"skipped", "integer"},
    [ROW_TOTAL] = {"total", "integer"},
    [ROW_ERRORS] = {"errors", "jsonb"},
    [ROW_TESTS] = {"tests", "jsonb"},
    [ROW_TESTS_TRUNCATED] = {"tests_truncated", "boolean"},
    [ROW_STDOUT] = {"stdout", "text"},
    [ROW_STDERR] = {"stderr", "text"},
    [ROW_STDOUT_TRUNCATED] = {"stdout_truncated", "boolean"},
    [ROW_STDERR_TRUNCATED] = {"stderr_truncated", "boolean"},
    [ROW_EXIT_CODE] = {"exit_code", "integer"},
    [ROW_SIGNAL] = {"signal", "integer"},
    [ROW_QUEUED_MS] = {"queued_ms", "bigint"},
    [ROW_SETUP_MS] = {"setup_ms", "bigint"},
    [ROW_COMPILE_MS] = {"compile_ms", "bigint"},
    [ROW_RUN_MS] = {"run_ms", "bigint"},
    [ROW_CPU_MS] = {"cpu_ms", "bigint"},
    [ROW_PEAK_MEMORY_KB] = {"peak_memory_kb", "bigint"},
    [ROW_COVERAGE] = {"coverage", "jsonb"},
    [ROW_CACHED] = {"cached", "boolean"},
    [ROW_LABELS] = {"labels", "jsonb"},
    [ROW_RECONSTRUCTION_ID] = {"reconstruction_id", "bigint"},
    [ROW_WORKER] = {"worker", "text"},
    [ROW_ATTEMPT] = {"attempt", "integer"},
    [ROW_SANDBOX] = {"sandbox", "jsonb"},
    [ROW_STARTED_AT] = {"started_at", "timestamptz"},
    [ROW_FINISHED_AT] = {"finished_at", "timestamptz"},
};

#define ROW_USUAL_SIZE 2048

struct builder {
    struct row *row;
    struct buf text;
};

static void begin(struct builder *b, enum row_column column)
{
    b->row->offsets[column] = b->text.size;
}

static void end(struct builder *b)
{
    buf_append_char(&b->text, '\0');
}

static void put_text(struct builder *b, enum row_column column, const char *value)
{
    if (value == NULL)
        return;
    begin(b, column);
    buf_append_text(&b->text, value);
    end(b);
}

static void put_integer(struct builder *b, enum row_column column, bool present, int64_t value)
{
    if (!present)
        return;
    begin(b, column);
    buf_append_integer(&b->text, value);
    end(b);
}

static void put_bool(struct builder *b, enum row_column column, bool value)
{
    put_text(b, column, value ? "t" : "f");
}

static void put_time(struct builder *b, enum row_column column, int64_t unix_ms)
{
    char text[RFC3339_SIZE];
    if (unix_ms == 0)
        return;
    clock_rfc3339(unix_ms, text);
    put_text(b, column, text);
}

static void put_json(struct builder *b, enum row_column column, const struct result *result,
                     void (*write)(const struct result *, struct buf *))
{
    begin(b, column);
    write(result, &b->text);
    end(b);
}

static void put_verdict(struct builder *b, const struct result *r)
{
    put_text(b, ROW_JOB_ID, r->job_id);
    put_text(b, ROW_TASK_ID, r->task_id);
    put_text(b, ROW_RUNTIME, r->runtime);
    put_text(b, ROW_STATUS, status_name(r->status));
    put_text(b, ROW_REASON, reason_name(r->reason));
    if (r->has_pass_rate) {
        begin(b, ROW_PASS_RATE);
        buf_printf(&b->text, "%.17g", r->pass_rate);
        end(b);
    }
    put_integer(b, ROW_PASSED, true, r->passed);
    put_integer(b, ROW_FAILED, true, r->failed);
    put_integer(b, ROW_SKIPPED, true, r->skipped);
    put_integer(b, ROW_TOTAL, true, r->total);
    put_json(b, ROW_ERRORS, r, result_errors_to_json);
    put_json(b, ROW_TESTS, r, result_tests_to_json);
    put_bool(b, ROW_TESTS_TRUNCATED, r->tests_truncated);
    put_json(b, ROW_LABELS, r, result_labels_to_json);
    put_integer(b, ROW_RECONSTRUCTION_ID, r->has_reconstruction_id, r->reconstruction_id);
}

/* A task that never started has no measures: NULL, not zero. */
static void put_measures(struct builder *b, const struct result *r)
{
    bool ran = r->started_at_ms != 0;
    put_integer(b, ROW_EXIT_CODE, r->has_exit_code, r->exit_code);
    put_integer(b, ROW_SIGNAL, r->signal_number != 0, r->signal_number);
    put_integer(b, ROW_QUEUED_MS, ran || r->queued_ms != 0, r->queued_ms);
    put_integer(b, ROW_SETUP_MS, ran, r->setup_ms);
    put_integer(b, ROW_COMPILE_MS, ran, r->compile_ms);
    put_integer(b, ROW_RUN_MS, ran, r->run_ms);
    put_integer(b, ROW_CPU_MS, ran, r->cpu_ms);
    put_integer(b, ROW_PEAK_MEMORY_KB, r->peak_memory_kb != 0, r->peak_memory_kb);
    put_time(b, ROW_STARTED_AT, r->started_at_ms);
    put_time(b, ROW_FINISHED_AT, r->finished_at_ms);
}

/* The times are anybody's word: no sum of them overflows. */
static int64_t sum_ms(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

struct row *row_new(const struct result *result)
{
    struct row *row = memory_take(sizeof(*row));
    struct builder b = {row, BUF_INIT};
    for (size_t i = 0; i < ROW_COLUMN_COUNT; i++)
        row->offsets[i] = ROW_NULL;
    row->status = result->status;
    row->reason = result->reason;
    row->ran = result->started_at_ms != 0;
    row->queued_ms = result->queued_ms;
    row->run_ms = sum_ms(sum_ms(result->setup_ms, result->compile_ms), result->run_ms);
    row->replaceable = reason_is_replaceable(result->reason);
    (void)buf_reserve(&b.text, ROW_USUAL_SIZE);
    put_verdict(&b, result);
    put_text(&b, ROW_STDOUT, result->out);
    put_text(&b, ROW_STDERR, result->err);
    put_bool(&b, ROW_STDOUT_TRUNCATED, result->out_truncated);
    put_bool(&b, ROW_STDERR_TRUNCATED, result->err_truncated);
    put_measures(&b, result);
    if (result->coverage != NULL) {
        begin(&b, ROW_COVERAGE);
        (void)result_coverage_to_json(result, &b.text);
        end(&b);
    }
    put_bool(&b, ROW_CACHED, result->cached);
    put_text(&b, ROW_WORKER, result->worker);
    put_integer(&b, ROW_ATTEMPT, result->attempt != 0, result->attempt);
    put_json(&b, ROW_SANDBOX, result, result_sandbox_to_json);
    row->size = b.text.size;
    row->text = memory_steal(&b.text);
    return row;
}

void row_free(struct row *row)
{
    if (row == NULL)
        return;
    free(row->text);
    free(row);
}

const char *row_value(const struct row *row, enum row_column column)
{
    return row->offsets[column] != ROW_NULL ? row->text + row->offsets[column] : NULL;
}

static void append_element(const char *value, bool first, struct buf *out)
{
    if (!first)
        buf_append_char(out, ',');
    if (value == NULL) {
        buf_append_text(out, "NULL");
        return;
    }
    buf_append_char(out, '"');
    for (const char *c = value; *c != '\0';) {
        size_t plain = strcspn(c, "\"\\");
        buf_append(out, c, plain);
        c += plain;
        if (*c != '\0') {
            buf_append_char(out, '\\');
            buf_append_char(out, *c++);
        }
    }
    buf_append_char(out, '"');
}

void row_append_array(const struct row *const *rows, size_t count, enum row_column column, struct buf *out)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        const char *value = row_value(rows[i], column);
        size += value != NULL ? strlen(value) + 3 : 5;
    }
    (void)buf_reserve(out, size + size / 4 + 2); /* a quarter for what is escaped */
    buf_append_char(out, '{');
    for (size_t i = 0; i < count; i++)
        append_element(row_value(rows[i], column), i == 0, out);
    buf_append_char(out, '}');
}

void array_append(const char *const *values, size_t count, struct buf *out)
{
    buf_append_char(out, '{');
    for (size_t i = 0; i < count; i++)
        append_element(values[i], i == 0, out);
    buf_append_char(out, '}');
}

struct candidate {
    const struct row *row;
    void *companion;
    size_t arrival;
};

static int compare_identity(const struct row *a, const struct row *b)
{
    int order = strcmp(row_value(a, ROW_JOB_ID), row_value(b, ROW_JOB_ID));
    return order != 0 ? order : strcmp(row_value(a, ROW_TASK_ID), row_value(b, ROW_TASK_ID));
}

/* Identity, then real verdicts before replaceable ones, then arrival: the first of a group is the one to
 * store. */
static int compare(const void *left, const void *right)
{
    const struct candidate *a = left;
    const struct candidate *b = right;
    int order = compare_identity(a->row, b->row);
    if (order != 0)
        return order;
    if (a->row->replaceable != b->row->replaceable)
        return a->row->replaceable ? 1 : -1;
    return a->arrival < b->arrival ? -1 : 1;
}

size_t row_choose(const struct row **rows, void **order, size_t count)
{
    struct candidate *sorted = memory_take(count * sizeof(*sorted));
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct candidate){rows[i], order[i], i};
    qsort(sorted, count, sizeof(*sorted), compare);
    size_t chosen = 0;
    size_t other = count;
    for (size_t i = 0; i < count; i++) {
        bool first = i == 0 || compare_identity(sorted[i - 1].row, sorted[i].row) != 0;
        size_t to = first ? chosen++ : --other;
        rows[to] = sorted[i].row;
        order[to] = sorted[i].companion;
    }
    free(sorted);
    return chosen;
}
