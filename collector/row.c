#include "collector/row.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "collector/array.h"
#include "collector/memory.h"

/* How values are sent: OIDs of pg_type.dat, the same in every PostgreSQL. */
enum wire { WIRE_TEXT, WIRE_JSONB, WIRE_INTEGER, WIRE_REAL, WIRE_BOOLEAN, WIRE_TIME };
static const struct {
    const char *type;
    uint32_t oid;
} wires[] = {
    [WIRE_TEXT] = {"text", 25},    [WIRE_JSONB] = {"jsonb", 3802},   [WIRE_INTEGER] = {"bigint", 20},
    [WIRE_REAL] = {"float8", 701}, [WIRE_BOOLEAN] = {"boolean", 16}, [WIRE_TIME] = {"timestamptz", 1184},
};

static const struct {
    const char *name, *type; /* as in conf/schema */
    enum wire wire;
} columns[ROW_COLUMN_COUNT] = {
    [ROW_JOB_ID] = {"job_id", "text", WIRE_TEXT},
    [ROW_TASK_ID] = {"task_id", "text", WIRE_TEXT},
    [ROW_RUNTIME] = {"runtime", "text", WIRE_TEXT},
    [ROW_STATUS] = {"status", "text", WIRE_TEXT},
    [ROW_REASON] = {"reason", "text", WIRE_TEXT},
    [ROW_PASS_RATE] = {"test_pass_rate", "float8", WIRE_REAL},
    [ROW_PASSED] = {"passed", "integer", WIRE_INTEGER},
    [ROW_FAILED] = {"failed", "integer", WIRE_INTEGER},
    [ROW_SKIPPED] = {"skipped", "integer", WIRE_INTEGER},
    [ROW_TOTAL] = {"total", "integer", WIRE_INTEGER},
    [ROW_ERRORS] = {"errors", "jsonb", WIRE_JSONB},
    [ROW_TESTS] = {"tests", "jsonb", WIRE_JSONB},
    [ROW_TESTS_TRUNCATED] = {"tests_truncated", "boolean", WIRE_BOOLEAN},
    [ROW_STDOUT] = {"stdout", "text", WIRE_TEXT},
    [ROW_STDERR] = {"stderr", "text", WIRE_TEXT},
    [ROW_STDOUT_TRUNCATED] = {"stdout_truncated", "boolean", WIRE_BOOLEAN},
    [ROW_STDERR_TRUNCATED] = {"stderr_truncated", "boolean", WIRE_BOOLEAN},
    [ROW_EXIT_CODE] = {"exit_code", "integer", WIRE_INTEGER},
    [ROW_SIGNAL] = {"signal", "integer", WIRE_INTEGER},
    [ROW_QUEUED_MS] = {"queued_ms", "bigint", WIRE_INTEGER},
    [ROW_SETUP_MS] = {"setup_ms", "bigint", WIRE_INTEGER},
    [ROW_COMPILE_MS] = {"compile_ms", "bigint", WIRE_INTEGER},
    [ROW_RUN_MS] = {"run_ms", "bigint", WIRE_INTEGER},
    [ROW_CPU_MS] = {"cpu_ms", "bigint", WIRE_INTEGER},
    [ROW_PEAK_MEMORY_KB] = {"peak_memory_kb", "bigint", WIRE_INTEGER},
    [ROW_COVERAGE] = {"coverage", "jsonb", WIRE_JSONB},
    [ROW_CACHED] = {"cached", "boolean", WIRE_BOOLEAN},
    [ROW_LABELS] = {"labels", "jsonb", WIRE_JSONB},
    [ROW_RECONSTRUCTION_ID] = {"reconstruction_id", "bigint", WIRE_INTEGER},
    [ROW_WORKER] = {"worker", "text", WIRE_TEXT},
    [ROW_ATTEMPT] = {"attempt", "integer", WIRE_INTEGER},
    [ROW_SANDBOX] = {"sandbox", "jsonb", WIRE_JSONB},
    [ROW_STARTED_AT] = {"started_at", "timestamptz", WIRE_TIME},
    [ROW_FINISHED_AT] = {"finished_at", "timestamptz", WIRE_TIME},
};

#define ROW_USUAL_SIZE 2048

#define MS_FROM_1970_TO_2000 INT64_C(946684800000)
#define JSONB_VERSION        '\1' /* before the text of each (jsonb_recv) */

struct builder {
    struct row *row;
    struct buf text;
};

/* A value is its length, as it is sent, its bytes, and a NUL, so that a text is one. */
static void begin(struct builder *b, enum row_column column)
{
    const uint32_t length = 0; /* known at the end */
    b->row->offsets[column] = b->text.size;
    buf_append(&b->text, &length, sizeof length);
}

static void end(struct builder *b, enum row_column column)
{
    size_t offset = b->row->offsets[column];
    uint32_t length = htobe32((uint32_t)(b->text.size - offset - sizeof length));
    if (!b->text.failed)
        memcpy(b->text.data + offset, &length, sizeof length);
    buf_append_char(&b->text, '\0');
}

static void put_bytes(struct builder *b, enum row_column column, const void *value, size_t size)
{
    begin(b, column);
    buf_append(&b->text, value, size);
    end(b, column);
}

static void put_text(struct builder *b, enum row_column column, const char *value)
{
    if (value != NULL)
        put_bytes(b, column, value, strlen(value));
}

static void put_integer(struct builder *b, enum row_column column, bool present, int64_t value)
{
    uint64_t sent = htobe64((uint64_t)value);
    if (present)
        put_bytes(b, column, &sent, sizeof sent);
}

static void put_real(struct builder *b, enum row_column column, double value)
{
    uint64_t sent;
    memcpy(&sent, &value, sizeof sent);
    sent = htobe64(sent);
    put_bytes(b, column, &sent, sizeof sent);
}

static void put_bool(struct builder *b, enum row_column column, bool value)
{
    put_bytes(b, column, value ? "\1" : "", 1);
}

/* Sent as microseconds since 2000. */
static void put_time(struct builder *b, enum row_column column, int64_t unix_ms)
{
    put_integer(b, column, unix_ms != 0, (unix_ms - MS_FROM_1970_TO_2000) * 1000);
}

static void put_json(struct builder *b, enum row_column column, const struct result *result,
                     void (*write)(const struct result *, struct buf *))
{
    begin(b, column);
    buf_append_char(&b->text, JSONB_VERSION);
    write(result, &b->text);
    end(b, column);
}

static void put_verdict(struct builder *b, const struct result *r)
{
    put_text(b, ROW_JOB_ID, r->job_id);
    put_text(b, ROW_TASK_ID, r->task_id);
    put_text(b, ROW_RUNTIME, r->runtime);
    put_text(b, ROW_STATUS, status_name(r->status));
    put_text(b, ROW_REASON, reason_name(r->reason));
    if (r->has_pass_rate)
        put_real(b, ROW_PASS_RATE, r->pass_rate);
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
    if (result->coverage != NULL)
        put_json(&b, ROW_COVERAGE, result, result_coverage_to_json);
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
    if (row->offsets[column] == ROW_NULL)
        return NULL;
    const char *value = row->text + row->offsets[column] + sizeof(uint32_t);
    return columns[column].wire == WIRE_JSONB ? value + 1 : value;
}

/* As it is sent, the length before it; NULL for SQL NULL. */
static const char *sent_value(const struct row *row, enum row_column column, size_t *size)
{
    uint32_t length;
    if (row->offsets[column] == ROW_NULL)
        return NULL;
    const char *value = row->text + row->offsets[column];
    memcpy(&length, value, sizeof length);
    *size = sizeof length + be32toh(length);
    return value;
}

void row_append_array(const struct row *const *rows, size_t count, enum row_column column, struct buf *out)
{
    size_t whole = ARRAY_HEAD_BYTES;
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        whole += sent_value(rows[i], column, &size) != NULL ? size : sizeof(uint32_t);
    (void)buf_reserve(out, whole);
    array_append_head(wires[columns[column].wire].oid, count, out);
    for (size_t i = 0; i < count; i++) {
        const char *value = sent_value(rows[i], column, &size);
        if (value != NULL)
            buf_append(out, value, size);
        else
            array_append_null(out);
    }
}

void row_append_names(struct buf *out)
{
    for (size_t i = 0; i < ROW_COLUMN_COUNT; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", columns[i].name);
}

void row_append_source(struct buf *out)
{
    buf_append_text(out, "SELECT ");
    for (size_t i = 0; i < ROW_COLUMN_COUNT; i++) {
        buf_printf(out, "%s%s", i > 0 ? ", " : "", columns[i].name);
        if (strcmp(columns[i].type, wires[columns[i].wire].type) != 0)
            buf_printf(out, "::%s", columns[i].type); /* PostgreSQL refuses what is too large for it */
    }
    buf_append_text(out, " FROM unnest(");
    for (size_t i = 0; i < ROW_COLUMN_COUNT; i++)
        buf_printf(out, "%s$%zu::%s[]", i > 0 ? ", " : "", i + 1, wires[columns[i].wire].type);
    buf_append_text(out, ") AS sent (");
    row_append_names(out);
    buf_append_char(out, ')');
}

void row_append_assignments(struct buf *out)
{
    const char *comma = "";
    for (size_t i = 0; i < ROW_COLUMN_COUNT; i++) {
        if (i == ROW_JOB_ID || i == ROW_TASK_ID)
            continue;
        buf_printf(out, "%s%s = EXCLUDED.%s", comma, columns[i].name, columns[i].name);
        comma = ", ";
    }
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
