#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/result.h"

static struct result *parse(const char *body)
{
    struct err err = ERR_INIT;
    struct result *result = result_parse(body, strlen(body), &err);
    if (result == NULL)
        fail_msg("%s: %s", body, err.text);
    return result;
}

static void set_text(char **field, const char *text)
{
    free(*field);
    *field = strdup(text);
    assert_non_null(*field);
}

static struct result *full_result(void)
{
    struct result *result = result_new();
    assert_non_null(result);
    strcpy(result->task_id, "HumanEval/0");
    strcpy(result->job_id, "job.1");
    set_text(&result->runtime, "python");
    assert_true(result_set_label(result, "model", "m"));
    result->has_reconstruction_id = true;
    result->reconstruction_id = 9007199254740993; /* not exact as a double */
    result->status = STATUS_FAIL;
    result->reason = REASON_ASSERTION;
    result->has_pass_rate = true;
    result->pass_rate = 1.0 / 3.0;
    result->passed = 1;
    result->failed = 2;
    result->skipped = 3;
    result->total = 6;
    result_add_error(result, "test_b: 1 != 2", 14);
    result_add_test(result, "test_a", OUTCOME_PASSED, 5, NULL);
    result_add_test(result, "test_b", OUTCOME_FAILED, 7, "1 != 2");
    set_text(&result->out, "out\n");
    set_text(&result->err, "caf\xc3\xa9");
    result->out_truncated = true;
    result->has_exit_code = true;
    result->exit_code = 1;
    result->queued_ms = 1;
    result->setup_ms = 2;
    result->compile_ms = 3;
    result->run_ms = 4;
    result->cpu_ms = 5;
    result->peak_memory_kb = 6;
    result->coverage = json_pack("{s:f}", "percent", 87.5);
    set_text(&result->worker, "w-1");
    result->attempt = 2;
    result->sandbox = calloc(2, sizeof(char *));
    assert_non_null(result->sandbox);
    set_text(&result->sandbox[0], "tmpfs");
    set_text(&result->sandbox[1], "own_uid");
    result->sandbox_count = 2;
    result->started_at_ms = 1769857200123;
    result->finished_at_ms = 1769857201000;
    return result;
}

static void exact_json(void **state)
{
    (void)state;
    struct result *result = full_result();
    autobuf struct buf json = BUF_INIT;
    result_to_json(result, &json);
    assert_string_equal(
        buf_text(&json),
        "{\"task_id\":\"HumanEval/"
        "0\",\"job_id\":\"job.1\",\"runtime\":\"python\",\"labels\":{\"model\":\"m\"},"
        "\"reconstruction_id\":9007199254740993,\"status\":\"fail\",\"reason\":\"assertion\","
        "\"test_pass_rate\":0.33333333333333331,\"passed\":1,\"failed\":2,\"skipped\":3,\"total\":6,"
        "\"errors\":[\"test_b: 1 != 2\"],\"tests\":[{\"name\":\"test_a\",\"outcome\":\"passed\",\"ms\":5,"
        "\"message\":null},{\"name\":\"test_b\",\"outcome\":\"failed\",\"ms\":7,\"message\":\"1 != 2\"}],"
        "\"tests_truncated\":false,\"stdout\":\"out\\n\",\"stderr\":\"caf\xc3\xa9\",\"stdout_truncated\":"
        "true,"
        "\"stderr_truncated\":false,\"exit_code\":1,\"signal\":null,\"timing_ms\":{\"queued\":1,\"setup\":2,"
        "\"compile\":3,\"run\":4},\"cpu_ms\":5,\"peak_memory_kb\":6,\"coverage\":{\"percent\":87.5},"
        "\"cached\":false,\"worker\":\"w-1\",\"attempt\":2,\"sandbox\":[\"tmpfs\",\"own_uid\"],"
        "\"started_at\":\"2026-01-31T11:00:00.123Z\",\"finished_at\":\"2026-01-31T11:00:01.000Z\"}");
    assert_false(json.failed);
    result_free(result);
    result_free(NULL);
}

/* What is written, read and written again is the same text. */
static void round_trip(void **state)
{
    (void)state;
    struct result *results[2] = {full_result(), result_new()};
    strcpy(results[1]->task_id, "t");
    strcpy(results[1]->job_id, "j");
    for (int i = 0; i < 2; i++) {
        autobuf struct buf first = BUF_INIT, second = BUF_INIT;
        result_to_json(results[i], &first);
        struct result *again = parse(buf_text(&first));
        result_to_json(again, &second);
        assert_string_equal(buf_text(&first), buf_text(&second));
        assert_int_equal(again->started_at_ms, results[i]->started_at_ms);
        result_free(again);
        result_free(results[i]);
    }
}

/* The smallest result that a foreign worker may send. */
static void small_result(void **state)
{
    (void)state;
    struct result *result = parse("{\"task_id\":\"t\",\"job_id\":\"j\",\"status\":\"pass\",\"reason\":\"ok\","
                                  "\"test_pass_rate\":1,\"a_field_of_a_later_version\":[1]}");
    assert_int_equal(result->status, STATUS_PASS);
    assert_null(result->runtime);
    assert_null(result->out);
    assert_true(result->has_pass_rate && result->pass_rate >= 1.0);
    assert_false(result->has_exit_code);
    assert_int_equal(result->test_count, 0);
    result_free(result);
}

static void bounds(void **state)
{
    (void)state;
    struct result *result = result_new();
    strcpy(result->task_id, "t");
    strcpy(result->job_id, "j");
    static char long_text[100000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    for (int i = 0; i < 5000; i++)
        result_add_test(result, long_text, OUTCOME_FAILED, -1, long_text);
    for (int i = 0; i < 5000; i++)
        result_add_error(result, long_text, sizeof(long_text) - 1);
    result_add_error(result, long_text, 1);
    assert_int_equal(result->test_count, RESULT_TESTS_MAX);
    assert_true(result->tests_truncated);
    assert_int_equal(result->error_count, RESULT_ERRORS_MAX);
    for (size_t i = 0; i < result->test_count; i++) {
        assert_true(strlen(result->tests[i].name) <= RESULT_TEST_NAME_MAX);
        assert_true(strlen(result->tests[i].message) <= RESULT_MESSAGE_MAX);
        assert_int_equal(result->tests[i].ms, 0);
    }
    assert_true(strlen(result->errors[0]) <= RESULT_ERROR_BYTES_MAX);
    autobuf struct buf json = BUF_INIT;
    result_to_json(result, &json);
    struct result *again = parse(buf_text(&json));
    assert_int_equal(again->test_count, RESULT_TESTS_MAX);
    assert_true(again->tests_truncated);
    result_free(again);
    result_free(result);
}

/* Text of the program is cleaned where it comes in: PostgreSQL holds neither NUL nor broken UTF-8. */
static void clean_text(void **state)
{
    (void)state;
    struct result *result = result_new();
    strcpy(result->task_id, "t");
    strcpy(result->job_id, "j");
    result_add_error(result, "a\0b\xff", 4);
    result_add_test(result, "n\xff", OUTCOME_ERROR, 0, "m\xed\xa0\x80");
    set_text(&result->out, "o\xc0");
    assert_string_equal(result->errors[0], "a\xef\xbf\xbd"
                                           "b\xef\xbf\xbd");
    assert_string_equal(result->tests[0].name, "n\xef\xbf\xbd");
    autobuf struct buf json = BUF_INIT;
    result_to_json(result, &json);
    assert_false(json.failed);
    assert_true(text_is_utf8(json.data, json.size, NULL));
    struct result *again = parse(buf_text(&json));
    assert_string_equal(again->out, "o\xef\xbf\xbd");
    result_free(again);
    result_free(result);
}

static void full_buffer_fails(void **state)
{
    (void)state;
    struct result *result = full_result();
    autobuf struct buf json = BUF_LIMIT(100);
    result_to_json(result, &json);
    assert_true(json.failed);
    result_free(result);
}

#define START "{\"task_id\":\"t\",\"job_id\":\"j\","
#define GOOD  START "\"status\":\"pass\",\"reason\":\"ok\",\"test_pass_rate\":1,"

static const struct bad {
    const char *body, *says;
} bad_results[] = {
    {"", "empty"},
    {"[]", "not a JSON object"},
    {"{\"job_id\":\"j\",\"status\":\"error\",\"reason\":\"infra\"}", "task_id is missing"},
    {"{\"task_id\":\"t\",\"status\":\"error\",\"reason\":\"infra\"}", "job_id is missing"},
    {START "\"reason\":\"ok\"}", "status is missing"},
    {START "\"status\":\"pass\"}", "reason is missing"},
    {START "\"status\":\"passed\",\"reason\":\"ok\"}", "status 'passed' is unknown"},
    {START "\"status\":\"pass\",\"reason\":\"fine\"}", "reason 'fine' is unknown"},
    {START "\"status\":\"pass\",\"reason\":\"ok\"}", "test_pass_rate must be null when"},
    {START "\"status\":\"error\",\"reason\":\"infra\",\"test_pass_rate\":0}",
     "test_pass_rate must be null when"},
    {START "\"status\":\"pass\",\"reason\":\"ok\",\"test_pass_rate\":1.5}", "from 0 to 1"},
    {START "\"status\":\"pass\",\"reason\":\"ok\",\"test_pass_rate\":-0.1}", "from 0 to 1"},
    {START "\"status\":\"pass\",\"reason\":\"ok\",\"test_pass_rate\":\"1\"}", "must be a number"},
    {GOOD "\"passed\":-1}", "passed is -1"},
    {GOOD "\"labels\":{\"a\":1}}", "labels must be text"},
    {GOOD "\"stdout\":\"\\u0000\"}", "stdout holds a NUL"},
    {GOOD "\"errors\":[1]}", "errors must be text"},
    {GOOD "\"tests\":[1]}", "tests[0] must be an object"},
    {GOOD "\"tests\":[{\"name\":\"a\"}]}", "tests[0].outcome is missing"},
    {GOOD "\"tests\":[{\"name\":\"a\",\"outcome\":\"ok\"}]}", "tests[0].outcome is unknown"},
    {GOOD "\"exit_code\":256}", "exit_code is 256"},
    {GOOD "\"signal\":0}", "signal is 0"},
    {GOOD "\"timing_ms\":[]}", "timing_ms must be an object"},
    {GOOD "\"coverage\":1}", "coverage must be an object"},
    {GOOD "\"sandbox\":[1]}", "sandbox must be text"},
    {GOOD "\"started_at\":\"now\"}", "started_at is not an RFC 3339"},
    {GOOD "\"cached\":0}", "cached must be true or false"},
    {GOOD "\"worker\":1}", "worker must be text"},
    {GOOD "\"passed\":1,\"passed\":2}", "given twice"},
};

static void bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_results); i++) {
        struct err err = ERR_INIT;
        struct result *result = result_parse(bad_results[i].body, strlen(bad_results[i].body), &err);
        if (result != NULL)
            fail_msg("accepted: %s", bad_results[i].body);
        assert_int_equal(err.code, ERR_INPUT);
        if (strstr(err.text, bad_results[i].says) == NULL)
            fail_msg("%s: says \"%s\", not \"%s\"", bad_results[i].body, err.text, bad_results[i].says);
    }
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        enum status status;
        assert_true(status_parse(status_name((enum status)i), &status));
        assert_int_equal(status, i);
    }
    for (int i = 0; i < REASON_COUNT; i++) {
        enum reason reason;
        assert_true(reason_parse(reason_name((enum reason)i), &reason));
        assert_int_equal(reason, i);
    }
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        enum outcome outcome;
        assert_true(outcome_parse(outcome_name((enum outcome)i), &outcome));
        assert_int_equal(outcome, i);
    }
    enum reason reason;
    assert_false(reason_parse("", &reason));
    assert_true(reason_is_replaceable(REASON_INFRA) && reason_is_replaceable(REASON_EXPIRED) &&
                reason_is_replaceable(REASON_CANCELLED) && reason_is_replaceable(REASON_UNDELIVERABLE));
    assert_false(reason_is_replaceable(REASON_BAD_TASK) || reason_is_replaceable(REASON_OK) ||
                 reason_is_replaceable(REASON_NO_TESTS));
}

static void routing_key(void **state)
{
    (void)state;
    struct result *result = full_result();
    autobuf struct buf key = BUF_INIT;
    result_routing_key(result, &key);
    assert_string_equal(buf_text(&key), "job_1.fail");
    result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_json), cmocka_unit_test(round_trip), cmocka_unit_test(small_result),
        cmocka_unit_test(bounds),     cmocka_unit_test(clean_text), cmocka_unit_test(full_buffer_fails),
        cmocka_unit_test(bad),        cmocka_unit_test(names),      cmocka_unit_test(routing_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
