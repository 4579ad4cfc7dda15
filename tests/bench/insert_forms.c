/*
 * How fast one connection stores verdicts, by the form of the statement: what the collector's choice rests
 * on.
 *
 *   bench_insert_forms URL FORM [ROWS [BATCH]]     FORM: single, values, unnest, copy
 *
 * A bare libpq loop, no broker: rows with 2 KiB of tests (jsonb) into the table `executions` of a migrated
 * database, each batch one transaction, synchronous_commit as the server has it, ON CONFLICT DO NOTHING in
 * every form. Prints rows a second. The rows go under a job of their own and are deleted at the end.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS                                                                                              \
    "job_id, task_id, runtime, status, reason, test_pass_rate, passed, failed, skipped, total, errors, "     \
    "tests, stdout, stderr, exit_code, queued_ms, run_ms, labels, worker, started_at, finished_at"
#define CASTS                                                                                                \
    "job_id, task_id, runtime, status, reason, rate::float8, passed::int, failed::int, skipped::int, "       \
    "total::int, errors::jsonb, tests::jsonb, out, err, code::int, queued::bigint, run::bigint, "            \
    "labels::jsonb, worker, started::timestamptz, finished::timestamptz"
#define NAMES                                                                                                \
    "job_id, task_id, runtime, status, reason, rate, passed, failed, skipped, total, errors, tests, out, "   \
    "err, code, queued, run, labels, worker, started, finished"
enum { COLUMN_COUNT = 21 };
#define CONFLICT " ON CONFLICT (job_id, task_id) DO NOTHING"

static char tests_json[4096];
static char job[64];

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(PGconn *connection, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) {
        fprintf(stderr, "bench_insert_forms: %s", PQerrorMessage(connection));
        exit(1);
    }
    PQclear(result);
}

static void make_tests(void)
{
    size_t used = 0;
    tests_json[used++] = '[';
    for (int i = 0; used < 1960; i++)
        used += (size_t)snprintf(tests_json + used, sizeof(tests_json) - used,
                                 "%s{\"name\": \"test_%d\", \"outcome\": \"passed\", \"ms\": %d}",
                                 i > 0 ? ", " : "", i, i % 7);
    snprintf(tests_json + used, sizeof(tests_json) - used, "]");
}

/* The values of row `number`; `id` is room for its task id. */
static void row_values(long number, char id[32], const char *values[COLUMN_COUNT])
{
    static const char *const constant[COLUMN_COUNT] = {NULL,
                                                       NULL,
                                                       "python",
                                                       "pass",
                                                       "ok",
                                                       "1",
                                                       "28",
                                                       "0",
                                                       "0",
                                                       "28",
                                                       "[]",
                                                       tests_json,
                                                       "",
                                                       "",
                                                       "0",
                                                       "12",
                                                       "35",
                                                       "{\"model\": \"m1\"}",
                                                       "worker-1",
                                                       "2026-01-02T03:04:05.678Z",
                                                       "2026-01-02T03:04:05.778Z"};
    memcpy(values, constant, sizeof(constant));
    snprintf(id, 32, "task-%ld", number);
    values[0] = job;
    values[1] = id;
}

static void store_values(PGconn *connection, long first, long count)
{
    size_t size = 256 + (size_t)count * COLUMN_COUNT * 8;
    char *sql = malloc(size);
    const char **params = calloc((size_t)count * COLUMN_COUNT, sizeof(*params));
    char(*ids)[32] = malloc((size_t)count * 32);
    if (sql == NULL || params == NULL || ids == NULL)
        abort();
    size_t used = (size_t)snprintf(sql, size, "INSERT INTO executions (" COLUMNS ") VALUES ");
    int number = 1;
    for (long i = 0; i < count; i++) {
        row_values(first + i, ids[i], params + i * COLUMN_COUNT);
        for (int c = 0; c < COLUMN_COUNT; c++)
            used += (size_t)snprintf(sql + used, size - used, "%s$%d",
                                     c > 0   ? ","
                                     : i > 0 ? ",("
                                             : "(",
                                     number++);
        used += (size_t)snprintf(sql + used, size - used, ")");
    }
    snprintf(sql + used, size - used, CONFLICT);
    check(connection, PQexecParams(connection, sql, number - 1, NULL, params, NULL, NULL, 0));
    free(sql);
    free(params);
    free(ids);
}

struct text {
    char *data;
    size_t size, capacity;
};

static void add(struct text *text, const char *data, size_t size)
{
    if (text->size + size + 1 > text->capacity) {
        text->capacity = 2 * (text->size + size + 1);
        text->data = realloc(text->data, text->capacity);
        if (text->data == NULL)
            abort();
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

static void add_escaped(struct text *text, const char *value, const char *special)
{
    for (const char *c = value; *c != '\0'; c++) {
        if (strchr(special, *c) != NULL)
            add(text, "\\", 1);
        add(text, c, 1);
    }
}

static void store_unnest(PGconn *connection, long first, long count)
{
    static struct text arrays[COLUMN_COUNT];
    const char *params[COLUMN_COUNT];
    for (int c = 0; c < COLUMN_COUNT; c++) {
        arrays[c].size = 0;
        add(&arrays[c], "{", 1);
    }
    for (long i = 0; i < count; i++) {
        const char *values[COLUMN_COUNT];
        char id[32];
        row_values(first + i, id, values);
        for (int c = 0; c < COLUMN_COUNT; c++) {
            add(&arrays[c], i > 0 ? ",\"" : "\"", i > 0 ? 2 : 1);
            add_escaped(&arrays[c], values[c], "\"\\");
            add(&arrays[c], "\"", 1);
        }
    }
    char sql[2048];
    size_t used = (size_t)snprintf(sql, sizeof(sql),
                                   "INSERT INTO executions (" COLUMNS ") SELECT " CASTS " FROM unnest(");
    for (int c = 0; c < COLUMN_COUNT; c++) {
        add(&arrays[c], "}", 1);
        params[c] = arrays[c].data;
        used += (size_t)snprintf(sql + used, sizeof(sql) - used, "%s$%d::text[]", c > 0 ? "," : "", c + 1);
    }
    snprintf(sql + used, sizeof(sql) - used, ") AS t(" NAMES ")" CONFLICT);
    check(connection, PQexecParams(connection, sql, COLUMN_COUNT, NULL, params, NULL, NULL, 0));
}

static void store_copy(PGconn *connection, long first, long count)
{
    static struct text lines;
    lines.size = 0;
    check(connection, PQexec(connection, "BEGIN"));
    check(connection, PQexec(connection, "COPY staging (" COLUMNS ") FROM STDIN"));
    for (long i = 0; i < count; i++) {
        const char *values[COLUMN_COUNT];
        char id[32];
        row_values(first + i, id, values);
        for (int c = 0; c < COLUMN_COUNT; c++) {
            if (c > 0)
                add(&lines, "\t", 1);
            add_escaped(&lines, values[c], "\\");
        }
        add(&lines, "\n", 1);
    }
    if (PQputCopyData(connection, lines.data, (int)lines.size) != 1 || PQputCopyEnd(connection, NULL) != 1)
        abort();
    check(connection, PQgetResult(connection));
    PQclear(PQgetResult(connection));
    check(connection, PQexec(connection, "INSERT INTO executions (" COLUMNS ") SELECT " COLUMNS
                                         " FROM staging" CONFLICT));
    check(connection, PQexec(connection, "COMMIT"));
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_insert_forms URL single|values|unnest|copy [ROWS [BATCH]]\n");
        return 2;
    }
    const char *form = argv[2];
    long rows = argc > 3 ? atol(argv[3]) : 20000;
    long batch = strcmp(form, "single") == 0 ? 1 : argc > 4 ? atol(argv[4]) : 500;
    PGconn *connection = PQconnectdb(argv[1]);
    if (PQstatus(connection) != CONNECTION_OK) {
        fprintf(stderr, "bench_insert_forms: %s", PQerrorMessage(connection));
        return 3;
    }
    snprintf(job, sizeof(job), "bench-%ld", (long)getpid());
    make_tests();
    if (strcmp(form, "copy") == 0)
        check(
            connection,
            PQexec(connection,
                   "CREATE TEMP TABLE staging (LIKE executions) ON COMMIT DELETE ROWS;"
                   "ALTER TABLE staging ALTER COLUMN id DROP NOT NULL, "
                   "ALTER COLUMN tests_truncated DROP NOT NULL, ALTER COLUMN stored_at DROP NOT NULL,"
                   "ALTER COLUMN stdout_truncated DROP NOT NULL, ALTER COLUMN stderr_truncated DROP NOT NULL,"
                   "ALTER COLUMN cached DROP NOT NULL, ALTER COLUMN sandbox DROP NOT NULL"));
    double start = now_s();
    for (long done = 0; done < rows; done += batch) {
        if (strcmp(form, "unnest") == 0)
            store_unnest(connection, done, batch);
        else if (strcmp(form, "copy") == 0)
            store_copy(connection, done, batch);
        else
            store_values(connection, done, batch);
    }
    printf("%-7s %ld rows, %ld a batch: %.0f rows/s\n", form, rows, batch, (double)rows / (now_s() - start));
    const char *params[] = {job};
    check(connection, PQexecParams(connection, "DELETE FROM executions WHERE job_id = $1", 1, NULL, params,
                                   NULL, NULL, 0));
    PQfinish(connection);
    return 0;
}
