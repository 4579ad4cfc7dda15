#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <string.h>

#include "collector/array.h"
#include "collector/row.h"
#include "common/mem.h"

static struct row *make(const char *json)
{
    struct err err = ERR_INIT;
    struct result *result = result_parse(json, strlen(json), &err);
    if (result == NULL)
        fail_msg("%s", err.text);
    struct row *row = row_new(result);
    result_free(result);
    return row;
}

static void expect_number(const struct row *row, enum row_column column, int64_t want)
{
    uint64_t sent;
    memcpy(&sent, row_value(row, column), sizeof sent);
    assert_true((int64_t)be64toh(sent) == want);
}

static void expect(const struct row *row, enum row_column column, const char *want)
{
    const char *value = row_value(row, column);
    if (want == NULL)
        assert_null(value);
    else
        assert_string_equal(value, want);
}

static void a_verdict_becomes_a_row(void **state)
{
    (void)state;
    struct row *row =
        make("{\"task_id\":\"t\",\"job_id\":\"j\",\"runtime\":\"c\",\"status\":\"fail\",\"reason\":\"crash\","
             "\"test_pass_rate\":0.1,\"passed\":1,\"failed\":9,\"total\":10,\"errors\":[\"a\\n\\\"b\\\"\"],"
             "\"labels\":{\"k\":\"v\"},\"stdout\":\"\",\"signal\":11,\"cpu_ms\":7,"
             "\"started_at\":\"2026-01-02T03:04:05Z\",\"sandbox\":[\"tmpfs\"],\"stderr_truncated\":true}");
    expect(row, ROW_JOB_ID, "j");
    expect(row, ROW_STATUS, "fail");
    expect(row, ROW_REASON, "crash");
    expect_number(row, ROW_PASS_RATE, 0x3fb999999999999a); /* 0.1 (IEEE 754) */
    expect_number(row, ROW_FAILED, 9);
    expect(row, ROW_ERRORS, "[\"a\\n\\\"b\\\"\"]");
    expect(row, ROW_TESTS, "[]");
    expect(row, ROW_LABELS, "{\"k\":\"v\"}");
    expect(row, ROW_EXIT_CODE, NULL);
    expect_number(row, ROW_SIGNAL, 11);
    expect_number(row, ROW_CPU_MS, 7);
    expect(row, ROW_COVERAGE, NULL);
    expect(row, ROW_RECONSTRUCTION_ID, NULL);
    assert_int_equal(row_value(row, ROW_STDERR_TRUNCATED)[0], 1);
    assert_int_equal(row_value(row, ROW_STDOUT_TRUNCATED)[0], 0);
    expect(row, ROW_SANDBOX, "[\"tmpfs\"]");
    expect_number(row, ROW_STARTED_AT, INT64_C(820638245000000)); /* microseconds since 2000 */
    expect(row, ROW_FINISHED_AT, NULL);
    assert_false(row->replaceable);
    row_free(row);
}

static void what_never_ran_has_no_measures(void **state)
{
    (void)state;
    struct row *row =
        make("{\"task_id\":\"t\",\"job_id\":\"j\",\"status\":\"error\",\"reason\":\"expired\"}");
    expect(row, ROW_PASS_RATE, NULL);
    expect(row, ROW_RUN_MS, NULL);
    expect(row, ROW_CPU_MS, NULL);
    expect(row, ROW_STARTED_AT, NULL);
    expect(row, ROW_RUNTIME, NULL);
    assert_true(row->replaceable);
    row_free(row);
}

static void arrays_are_escaped(void **state)
{
    (void)state;
    static const char *const values[] = {"plain", "", NULL, "NULL", "a\"b\\c", "{,}", "line\nbreak"};
    autobuf struct buf out = BUF_INIT;
    array_append(values, ARRAY_SIZE(values), &out);
    assert_string_equal(buf_text(&out),
                        "{\"plain\",\"\",NULL,\"NULL\",\"a\\\"b\\\\c\",\"{,}\",\"line\nbreak\"}");
    buf_reset(&out);
    array_append(values, 0, &out);
    assert_string_equal(buf_text(&out), "{}");
}

static void columns_become_binary_arrays(void **state)
{
    (void)state;
    struct row *rows[] = {
        make("{\"task_id\":\"t\\/"
             "\",\"job_id\":\"j\",\"status\":\"pass\",\"reason\":\"ok\",\"test_pass_rate\":1,"
             "\"exit_code\":3,\"labels\":{\"a\":\"\\\"\"}}"),
        make("{\"task_id\":\"u\",\"job_id\":\"j\",\"status\":\"error\",\"reason\":\"infra\"}")};
    static const struct {
        enum row_column column;
        const char *want;
        size_t size;
    } arrays[] = {
#define WANT(column, text) {column, text, sizeof text - 1}
        WANT(ROW_TASK_ID, "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\2t/\0\0\0\1u"),
        WANT(ROW_EXIT_CODE, "\0\0\0\1\0\0\0\1\0\0\0\x14\0\0\0\2\0\0\0\1\0\0\0\x8\0\0\0\0\0\0\0\3"
                            "\xff\xff\xff\xff"),
        WANT(ROW_LABELS, "\0\0\0\1\0\0\0\1\0\0\xe\xda\0\0\0\2\0\0\0\1\0\0\0\xb\1{\"a\":\"\\\"\"}"
                         "\0\0\0\3\1{}"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(arrays); i++) {
        autobuf struct buf out = BUF_INIT;
        row_append_array((const struct row *const *)rows, ARRAY_SIZE(rows), arrays[i].column, &out);
        assert_int_equal(out.size, arrays[i].size);
        assert_memory_equal(out.data, arrays[i].want, out.size);
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        row_free(rows[i]);
}

static struct row *verdict(const char *job, const char *task, const char *status, const char *reason)
{
    autobuf struct buf json = BUF_INIT;
    buf_printf(
        &json,
        "{\"task_id\":\"%s\",\"job_id\":\"%s\",\"status\":\"%s\",\"reason\":\"%s\",\"test_pass_rate\":%s}",
        task, job, status, reason, strcmp(status, "error") == 0 ? "null" : "0.5");
    return make(buf_text(&json));
}

static void one_row_an_identity_is_chosen(void **state)
{
    (void)state;
    struct row *all[] = {
        verdict("j", "a", "error", "infra"),     /* 0 */
        verdict("j", "b", "fail", "assertion"),  /* 1: the first real one of b */
        verdict("j", "a", "pass", "ok"),         /* 2: the first real one of a */
        verdict("i", "a", "error", "cancelled"), /* 3: another job */
        verdict("j", "b", "pass", "ok"),         /* 4 */
        verdict("j", "a", "fail", "crash"),      /* 5 */
        verdict("j", "c", "error", "infra"),     /* 6: the first of c, none is real */
        verdict("j", "c", "error", "expired"),   /* 7 */
        verdict("j", "d", "error", "expired"),   /* 8 */
        verdict("j", "d", "error", "bad_task"),  /* 9: real, though an error */
    };
    enum { COUNT = ARRAY_SIZE(all) };
    const struct row *rows[COUNT];
    void *order[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        rows[i] = all[i];
        order[i] = all[i];
    }
    assert_int_equal(row_choose(rows, order, COUNT), 5);
    const size_t want[] = {3, 2, 1, 6, 9};
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        assert_ptr_equal(rows[i], all[want[i]]);
    size_t seen = 0;
    for (size_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(rows[i], order[i]);
        for (size_t j = 0; j < COUNT; j++)
            seen += rows[i] == all[j];
    }
    assert_int_equal(seen, COUNT); /* none is lost */
    for (size_t i = 0; i < COUNT; i++)
        row_free(all[i]);
    assert_int_equal(row_choose(rows, order, 0), 0);
}

static void times_of_any_size_make_a_row(void **state)
{
    (void)state;
    struct row *row =
        make("{\"task_id\":\"t\",\"job_id\":\"j\",\"runtime\":\"c\",\"status\":\"pass\",\"reason\":\"ok\","
             "\"test_pass_rate\":1,\"started_at\":\"2026-01-02T03:04:05Z\","
             "\"timing_ms\":{\"queued\":1,\"setup\":4611686018427387904,\"compile\":4611686018427387904,"
             "\"run\":1}}");
    assert_true(row->run_ms == INT64_MAX);
    row_free(row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_becomes_a_row),        cmocka_unit_test(times_of_any_size_make_a_row),
        cmocka_unit_test(what_never_ran_has_no_measures), cmocka_unit_test(arrays_are_escaped),
        cmocka_unit_test(columns_become_binary_arrays),   cmocka_unit_test(one_row_an_identity_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
