#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/report.h"

#define SECRET "00112233445566778899aabbccddeeff"
#define K      "{\"k\":\"" SECRET "\","

static struct report *feed(const char *text, bool by_itself)
{
    struct report *report = malloc(sizeof(*report));
    assert_non_null(report);
    report_init(report, SECRET);
    (void)report_feed(report, text, strlen(text));
    report_finish(report, by_itself);
    return report;
}

static void discard(struct report *report)
{
    report_free(report);
    free(report);
}

static void what_is_a_forgery(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool forged;
    } rows[] = {
        {K "\"t\":\"done\"}\n", false},
        {"", false},
        {K "\"t\":\"plan\",\"tests\":[]}\n", false},
        {K "\"t\":\"harness_error\",\"message\":\"no pytest\"}\n" K "\"t\":\"done\"}\n", false},
        {"hello\n", true},
        {"\n", true},
        {"{\"t\":\"done\"}\n", true},
        {"{\"k\":\"00112233445566778899aabbccddeefe\",\"t\":\"done\"}\n", true},
        {"{\"k\":\"00112233\",\"t\":\"done\"}\n", true},
        {"{\"k\":\"" SECRET "0\",\"t\":\"done\"}\n", true},
        {"{\"k\":1,\"t\":\"done\"}\n", true},
        {"[\"" SECRET "\"]\n", true},
        {K "\"t\":\"done\"} \n", false},
        {K "\"t\":\"done\"}x\n", true},
        {K "\"t\":\"fine\"}\n", true},
        {K "\"t\":\"done\"}\n" K "\"t\":\"done\"}\n", true},
        {K "\"t\":\"test\",\"name\":\"a\",\"outcome\":\"great\",\"ms\":1}\n", true},
        {K "\"t\":\"test\",\"name\":\"a\",\"outcome\":\"not_run\",\"ms\":1}\n", true},
        {K "\"t\":\"test\",\"outcome\":\"passed\",\"ms\":1}\n", true},
        {K "\"t\":\"test\",\"name\":[],\"outcome\":\"passed\"}\n", true},
        {K "\"t\":\"plan\",\"tests\":\"a\"}\n", true},
        {K "\"t\":\"plan\",\"tests\":[1]}\n", true},
        {K "\"t\":\"suite_error\",\"fault\":\"moon\",\"message\":\"\"}\n", true},
        {K "\"t\":\"suite_error\",\"fault\":\"suite\"}\n", true},
        {K "\"t\":\"coverage\",\"report\":[]}\n", true},
        {K "\"t\":\"plan\",\"tests\":[]}\n" K "\"t\":\"harness_error\",\"message\":\"no pytest\"}\n", true},
        {K "\"t\":\"done\"}\nx", true}, /* half a line behind the end */
        {K "\"t\":\"pl", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct report *report = feed(rows[i].text, true);
        if ((report->forgery != NULL) != rows[i].forged)
            fail_msg("row %zu: %s: %s", i, rows[i].text, report->forgery);
        discard(report);
    }
}

static void half_a_line_of_a_killed_process_is_none(void **state)
{
    (void)state;
    struct report *report = feed(K "\"t\":\"plan\",\"tests\":[\"a\"]}\n" K "\"t\":\"te", false);
    assert_null(report->forgery);
    assert_string_equal(report_missing(report)->name, "a");
    discard(report);
}

static void bounds(void **state)
{
    (void)state;
    char *line = malloc(REPORT_LINE_MAX + 2);
    memset(line, ' ', REPORT_LINE_MAX + 2);
    memcpy(line, K "\"t\":\"done\"}", sizeof(K "\"t\":\"done\"}") - 1);
    struct report *report = feed("", true);
    line[REPORT_LINE_MAX] = '\n';
    assert_true(report_feed(report, line, REPORT_LINE_MAX + 1));
    assert_true(report->done);
    discard(report);

    report = feed("", true);
    line[REPORT_LINE_MAX] = ' ';
    line[REPORT_LINE_MAX + 1] = '\n';
    assert_false(report_feed(report, line, REPORT_LINE_MAX + 2));
    assert_non_null(report->forgery);
    discard(report);
    free(line);

    /* All in all. */
    report = feed("", true);
    char text[1000];
    int size = snprintf(text, sizeof(text), K "\"t\":\"start\",\"name\":\"%0900d\"}\n", 1);
    size_t fed = 0;
    while (report_feed(report, text, (size_t)size))
        fed += (size_t)size;
    assert_true(fed <= REPORT_BYTES_MAX + REPORT_BYTES_MAX / 500 && fed > REPORT_BYTES_MAX - 2000);
    assert_non_null(report->forgery);
    discard(report);
}

static void in_any_pieces(void **state)
{
    (void)state;
    static const char text[] = K "\"t\":\"plan\",\"tests\":[\"a\",\"b\"]}\n" K
                                 "\"t\":\"test\",\"name\":\"a\",\"outcome\":\"passed\",\"ms\":3.7}\n" K
                                 "\"t\":\"test\",\"name\":\"b\",\"outcome\":\"failed\",\"ms\":-1,"
                                 "\"message\":\"no\\u0000pe\"}\n" K "\"t\":\"done\"}\n";
    for (size_t piece = 1; piece < sizeof(text); piece += 7) {
        struct report *report = feed("", true);
        for (size_t at = 0; at < sizeof(text) - 1; at += piece)
            assert_true(report_feed(report, text + at,
                                    sizeof(text) - 1 - at < piece ? sizeof(text) - 1 - at : piece));
        report_finish(report, true);
        assert_true(report->done);
        assert_int_equal(report->test_count, 2);
        assert_int_equal(report->tests[0].ms, 3);
        assert_int_equal(report->tests[1].outcome, OUTCOME_FAILED);
        assert_int_equal(report->tests[1].ms, 0);
        assert_string_equal(report->tests[1].message, "no\xEF\xBF\xBDpe");
        assert_null(report_missing(report));
        discard(report);
    }
}

struct account_row {
    const char *label;
    const char *lines[6]; /* "P a b" plan, "C a b" collected, "S a" start, "a" a passed test */
    size_t tests;
    const char *missing, *interrupted;
};

static const struct account_row account_rows[] = {
    {"all there", {"P a b", "a", "b"}, 2, NULL, NULL},
    {"one vanished", {"P a b", "a"}, 2, "b", "b"},
    {"parameters", {"P a", "a[1]", "a[2]"}, 2, NULL, NULL},
    {"another name that begins alike", {"P a", "ab", "a2[1]"}, 3, "a", "a"},
    {"planned with a bracket", {"P a[x]", "a[x]"}, 1, NULL, NULL},
    {"a bracket that the plan does not have", {"P a[x]", "a[y]"}, 2, "a[x]", "a[x]"},
    {"collected, all there", {"P a", "C a[1] a[2]", "a[1]", "a[2]"}, 2, NULL, NULL},
    {"collected, one without outcome", {"P a", "C a[1] a[2]", "a[1]"}, 2, "a[2]", "a[2]"},
    {"plan not collected", {"P a b", "C a", "a"}, 2, "b", "b"},
    {"in parts", {"P a", "P b", "C a", "C b", "b", "a"}, 2, NULL, NULL},
    {"of one name, twice", {"C a a", "a"}, 2, "a", "a"},
    {"of one name, both", {"C a a", "a", "a"}, 2, NULL, NULL},
    {"made on the way", {"P a", "a", "c"}, 2, NULL, NULL},
    {"planned twice", {"P a a", "a"}, 1, NULL, NULL},
    {"began and did not end", {"P a b c", "S a", "a", "S c"}, 3, "b", "c"},
    {"began and ended", {"P a b", "S a", "a"}, 2, "b", "b"},
};

static void append_line(struct buf *out, const char *line)
{
    static const struct {
        char letter;
        const char *kind;
    } lists[] = {{'P', "plan"}, {'C', "collected"}};
    if (line[0] == 'S' && line[1] == ' ') {
        buf_printf(out, K "\"t\":\"start\",\"name\":\"%s\"}\n", line + 2);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (line[0] != lists[i].letter)
            continue;
        buf_printf(out, K "\"t\":\"%s\",\"tests\":[\"", lists[i].kind);
        for (const char *c = line + 2; *c != '\0'; c++)
            buf_append_text(out, *c == ' ' ? "\",\"" : (char[]){*c, '\0'});
        buf_append_text(out, "\"]}\n");
        return;
    }
    buf_printf(out, K "\"t\":\"test\",\"name\":\"%s\",\"outcome\":\"passed\",\"ms\":1}\n", line);
}

static void check_name(const char *label, const char *what, const char *got, const char *expected)
{
    if ((got == NULL) != (expected == NULL) || (got != NULL && strcmp(got, expected) != 0))
        fail_msg("%s: %s is %s", label, what, got);
}

static void which_tests_had_to_report(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(account_rows) / sizeof(account_rows[0]); i++) {
        const struct account_row *row = &account_rows[i];
        autobuf struct buf text = BUF_INIT;
        for (size_t j = 0; j < 6 && row->lines[j] != NULL; j++)
            append_line(&text, row->lines[j]);
        struct report *report = feed(buf_text(&text), true);
        if (report->forgery != NULL || report->test_count != row->tests)
            fail_msg("%s: %zu tests (%s)", row->label, report->test_count, report->forgery);
        const struct report_test *missing = report_missing(report);
        check_name(row->label, "missing", missing != NULL ? missing->name : NULL, row->missing);
        check_name(row->label, "interrupted", report_interrupted(report), row->interrupted);
        discard(report);
    }
}

static void faults_and_the_rest(void **state)
{
    (void)state;
    struct report *report = feed(
        K "\"t\":\"suite_error\",\"fault\":\"program\",\"message\":\"ImportError\"}\n" K
          "\"t\":\"suite_error\",\"fault\":\"suite\",\"message\":\"later\"}\n" K
          "\"t\":\"tampered\",\"message\":\"first\"}\n" K "\"t\":\"tampered\",\"message\":\"second\"}\n" K
          "\"t\":\"coverage\",\"report\":{\"percent\":50}}\n" K "\"t\":\"done\"}\n",
        true);
    assert_null(report->forgery);
    assert_int_equal(report->fault, FAULT_PROGRAM);
    assert_string_equal(report->fault_message, "ImportError");
    assert_string_equal(report->tampered, "first");
    assert_non_null(report->coverage);
    discard(report);
}

static void the_control_object(void **state)
{
    (void)state;
    struct runtime runtime = {.program_file = (char *)"p.py", .suite_file = (char *)"t.py"};
    struct task_file files[] = {{.path = "conftest.py", .trusted = true}, {.path = "h\"x.py"}};
    struct task task = {.runtime = &runtime, .files = files, .file_count = 2, .coverage = true};
    autobuf struct buf out = BUF_INIT;
    report_control_json(&task, SECRET, true, &out);
    assert_string_equal(buf_text(&out),
                        "{\"secret\":\"" SECRET "\",\"program\":\"p.py\",\"suite\":\"t.py\","
                        "\"trusted_files\":[\"conftest.py\"],\"untrusted_files\":[\"h\\\"x.py\"],"
                        "\"stop_on_first_failure\":false,\"coverage\":true,\"fast\":true}");
}

#define AGAIN K "\"t\":\"again\",\"message\":\"x\",\"tests\":"

static void who_is_run_again(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool again;
    } rows[] = {
        {K "\"t\":\"plan\",\"tests\":[\"a\"]}\n" AGAIN "[\"a\"]}\n", true},
        {AGAIN "[]}\n", true},
        {K "\"t\":\"done\"}\n", false},
        {"", false},
        {AGAIN "1}\n", false},
        {"{\"t\":\"again\",\"message\":\"x\",\"tests\":[]}\n", false},
        {AGAIN "[]}\n" K "\"t\":\"done\"}\n", false},
        {AGAIN "[]}\nhello", false},
        {K "\"t\":\"tampered\",\"message\":\"x\"}\n" AGAIN "[]}\n", false},
        {K "\"t\":\"suite_error\",\"fault\":\"suite\",\"message\":\"x\"}\n" AGAIN "[]}\n", false},
        {"hello\n" AGAIN "[]}\n", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct report *report = feed(rows[i].text, true);
        assert_int_equal(report_asks_again(report), rows[i].again);
        discard(report);
    }
}

static void what_failed_first_has_not_passed(void **state)
{
    (void)state;
    char *const failed[] = {(char *)"a", (char *)"b", (char *)"c", (char *)"gone"};
    struct report *report =
        feed(K "\"t\":\"test\",\"name\":\"a\",\"outcome\":\"passed\",\"ms\":1}\n" K
               "\"t\":\"test\",\"name\":\"b\",\"outcome\":\"failed\",\"ms\":1,\"message\":\"m\"}\n" K
               "\"t\":\"test\",\"name\":\"c\",\"outcome\":\"skipped\",\"ms\":1,\"suite_skip\":true}\n" K
               "\"t\":\"test\",\"name\":\"d\",\"outcome\":\"passed\",\"ms\":1}\n" K
               "\"t\":\"done\",\"fast\":true}\n",
             true);
    assert_true(report->fast);
    report_failed_before(report, failed, 4);
    assert_int_equal(report->test_count, 5);
    assert_int_equal(report->tests[0].outcome, OUTCOME_FAILED);
    assert_non_null(strstr(report->tests[0].message, "flaky"));
    assert_string_equal(report->tests[1].message, "m");
    assert_int_equal(report->tests[2].outcome, OUTCOME_FAILED);
    assert_false(report->tests[2].suite_skip);
    assert_int_equal(report->tests[3].outcome, OUTCOME_PASSED);
    assert_string_equal(report->tests[4].name, "gone");
    assert_int_equal(report->tests[4].outcome, OUTCOME_FAILED);
    discard(report);
}

static void many_tests_take_no_time(void **state)
{
    (void)state;
    struct report *report = feed("", true);
    char text[200];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 20000; i++) {
            int size =
                snprintf(text, sizeof(text),
                         round == 0 ? K "\"t\":\"collected\",\"tests\":[\"test_%d\"]}\n"
                                    : K "\"t\":\"test\",\"name\":\"test_%d\",\"outcome\":\"passed\"}\n",
                         i);
            assert_true(report_feed(report, text, (size_t)size));
        }
    report_finish(report, true);
    assert_int_equal(report->test_count, 20000);
    assert_null(report_missing(report));
    discard(report);
}

/* Bytes changed at random, always in the same way: whatever comes, nothing breaks, and a line whose secret is
 * damaged is never taken. */
static void damaged_reports(void **state)
{
    (void)state;
    static const char whole[] = K "\"t\":\"plan\",\"tests\":[\"a\",\"b\"]}\n" K
                                  "\"t\":\"test\",\"name\":\"a\",\"outcome\":\"failed\",\"ms\":3.7,"
                                  "\"message\":\"\\u0000\\ud83d\\ude00\"}\n" K
                                  "\"t\":\"coverage\",\"report\":{}}\n" K "\"t\":\"done\"}\n";
    uint32_t random = 1;
    for (int round = 0; round < 4000; round++) {
        char text[sizeof(whole)];
        memcpy(text, whole, sizeof(whole));
        for (int i = 0; i <= round % 3; i++) {
            random = random * 1664525u + 1013904223u;
            text[(random >> 8) % (sizeof(whole) - 1)] = (char)(random >> 3);
        }
        struct report *report = feed("", true);
        bool fine = report_feed(report, text, sizeof(text) - 1);
        report_finish(report, true);
        bool secrets_whole = true;
        for (const char *line = text; line < text + sizeof(text) - 1;) {
            const char *newline = memchr(line, '\n', (size_t)(text + sizeof(text) - 1 - line));
            const char *end = newline != NULL ? newline : text + sizeof(text) - 1;
            secrets_whole = secrets_whole && memmem(line, (size_t)(end - line), SECRET, 32) != NULL;
            line = end + 1;
        }
        if (fine && report->forgery == NULL && !secrets_whole)
            fail_msg("round %d: a damaged secret was taken: %s", round, text);
        discard(report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_forgery),
        cmocka_unit_test(half_a_line_of_a_killed_process_is_none),
        cmocka_unit_test(bounds),
        cmocka_unit_test(in_any_pieces),
        cmocka_unit_test(which_tests_had_to_report),
        cmocka_unit_test(faults_and_the_rest),
        cmocka_unit_test(the_control_object),
        cmocka_unit_test(who_is_run_again),
        cmocka_unit_test(what_failed_first_has_not_passed),
        cmocka_unit_test(many_tests_take_no_time),
        cmocka_unit_test(damaged_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
