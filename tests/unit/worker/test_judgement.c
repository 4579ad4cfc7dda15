#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/judgement.h"

/* One step of a task: a case, or the suite with the outcomes of its tests ("pfes xXn": passed, failed, error,
 * skipped by the suite, xfailed, xpassed, not run). */
struct step_row {
    const char *suite;
    enum status status;
    enum reason reason;
    bool task_time;
};

struct row {
    const char *label;
    struct step_row steps[4];
    size_t count;
    size_t not_run;
    enum status status;
    enum reason reason;
    double rate; /* -1 = none */
    int64_t passed, failed, skipped, total;
    const char *error;
};

#define OK                                                                                                   \
    {                                                                                                        \
        NULL, STATUS_PASS, REASON_OK, false                                                                  \
    }
#define WRONG                                                                                                \
    {                                                                                                        \
        NULL, STATUS_FAIL, REASON_WRONG_OUTPUT, false                                                        \
    }
#define CRASH                                                                                                \
    {                                                                                                        \
        NULL, STATUS_FAIL, REASON_CRASH, false                                                               \
    }
#define WALL                                                                                                 \
    {                                                                                                        \
        NULL, STATUS_TIMEOUT, REASON_WALL_TIME, false                                                        \
    }
#define TASK_WALL                                                                                            \
    {                                                                                                        \
        NULL, STATUS_TIMEOUT, REASON_WALL_TIME, true                                                         \
    }
#define SUITE(outcomes, status, reason)                                                                      \
    {                                                                                                        \
        outcomes, status, reason, false                                                                      \
    }

static const struct row rows[] = {
    {"all right", {OK, OK}, 2, 0, STATUS_PASS, REASON_OK, 1, 2, 0, 0, 2, NULL},
    {"one wrong", {OK, WRONG}, 2, 0, STATUS_FAIL, REASON_WRONG_OUTPUT, 0.5, 1, 1, 0, 2, "step 1"},
    {"the first decides",
     {WRONG, WALL, OK},
     3,
     0,
     STATUS_FAIL,
     REASON_WRONG_OUTPUT,
     1.0 / 3,
     1,
     2,
     0,
     3,
     "step 0"},
    {"the first decides, a timeout",
     {WALL, WRONG, OK},
     3,
     0,
     STATUS_TIMEOUT,
     REASON_WALL_TIME,
     0,
     1,
     2,
     0,
     3,
     "step 0"},
    {"a crash", {OK, CRASH}, 2, 0, STATUS_FAIL, REASON_CRASH, 0, 1, 1, 0, 2, "step 1"},
    {"stopped at the first", {WRONG}, 1, 3, STATUS_FAIL, REASON_WRONG_OUTPUT, 0, 0, 1, 0, 4, "step 0"},
    {"stopped at the second",
     {OK, WRONG},
     2,
     2,
     STATUS_FAIL,
     REASON_WRONG_OUTPUT,
     0.25,
     1,
     1,
     0,
     4,
     "step 1"},
    {"the task's time",
     {OK, WRONG, TASK_WALL},
     3,
     1,
     STATUS_TIMEOUT,
     REASON_WALL_TIME,
     0,
     1,
     2,
     0,
     4,
     "step 2"},
    {"suite", {SUITE("pp", STATUS_PASS, REASON_OK)}, 1, 0, STATUS_PASS, REASON_OK, 1, 2, 0, 0, 2, NULL},
    {"suite, half",
     {SUITE("pfep", STATUS_FAIL, REASON_ASSERTION)},
     1,
     0,
     STATUS_FAIL,
     REASON_ASSERTION,
     0.5,
     2,
     2,
     0,
     4,
     "step 0"},
    {"skips are apart",
     {SUITE("psf", STATUS_FAIL, REASON_ASSERTION)},
     1,
     0,
     STATUS_FAIL,
     REASON_ASSERTION,
     0.5,
     1,
     1,
     1,
     3,
     "step 0"},
    {"xfailed and xpassed",
     {SUITE("xX", STATUS_PASS, REASON_OK)},
     1,
     0,
     STATUS_PASS,
     REASON_OK,
     1,
     2,
     0,
     0,
     2,
     NULL},
    {"stop_on_first_failure",
     {SUITE("pfnn", STATUS_FAIL, REASON_ASSERTION)},
     1,
     0,
     STATUS_FAIL,
     REASON_ASSERTION,
     0.25,
     1,
     1,
     0,
     4,
     "step 0"},
    {"suite out of time",
     {SUITE("ppn", STATUS_TIMEOUT, REASON_WALL_TIME)},
     1,
     0,
     STATUS_TIMEOUT,
     REASON_WALL_TIME,
     0,
     2,
     0,
     0,
     3,
     "step 0"},
    {"suite crash",
     {SUITE("ppn", STATUS_FAIL, REASON_CRASH)},
     1,
     0,
     STATUS_FAIL,
     REASON_CRASH,
     0,
     2,
     0,
     0,
     3,
     "step 0"},
    {"tampered",
     {SUITE("pp", STATUS_FAIL, REASON_TAMPERED)},
     1,
     0,
     STATUS_FAIL,
     REASON_TAMPERED,
     0,
     2,
     0,
     0,
     2,
     "step 0"},
    {"out of memory in mid-suite",
     {SUITE("ppn", STATUS_FAIL, REASON_MEMORY)},
     1,
     0,
     STATUS_FAIL,
     REASON_MEMORY,
     2.0 / 3,
     2,
     0,
     0,
     3,
     "step 0"},
    {"no failure shows in its tests",
     {SUITE("pp", STATUS_FAIL, REASON_OUTPUT)},
     1,
     0,
     STATUS_FAIL,
     REASON_OUTPUT,
     2.0 / 3,
     2,
     1,
     0,
     3,
     "step 0"},
    {"a suite that does not parse",
     {SUITE("", STATUS_ERROR, REASON_BAD_TASK)},
     1,
     0,
     STATUS_ERROR,
     REASON_BAD_TASK,
     -1,
     0,
     0,
     0,
     0,
     "step 0"},
    {"cases and suite",
     {OK, SUITE("pp", STATUS_PASS, REASON_OK)},
     2,
     0,
     STATUS_PASS,
     REASON_OK,
     1,
     3,
     0,
     0,
     3,
     NULL},
    {"cases wrong, suite right",
     {WRONG, SUITE("pp", STATUS_PASS, REASON_OK)},
     2,
     0,
     STATUS_FAIL,
     REASON_WRONG_OUTPUT,
     2.0 / 3,
     2,
     1,
     0,
     3,
     "step 0"},
    {"cases wrong, suite gamed",
     {WRONG, SUITE("pp", STATUS_FAIL, REASON_TAMPERED)},
     2,
     0,
     STATUS_FAIL,
     REASON_TAMPERED,
     0,
     2,
     1,
     0,
     3,
     "step 1"},
    {"cases wrong, suite does not parse",
     {WRONG, SUITE("", STATUS_ERROR, REASON_BAD_TASK)},
     2,
     0,
     STATUS_ERROR,
     REASON_BAD_TASK,
     -1,
     0,
     1,
     0,
     1,
     "step 1"},
    {"cases wrong, then no import",
     {WRONG, SUITE("", STATUS_FAIL, REASON_COMPILE)},
     2,
     0,
     STATUS_FAIL,
     REASON_COMPILE,
     0,
     0,
     1,
     0,
     1,
     "step 1"},
};

static void fill_report(struct report *report, const char *outcomes)
{
    static const char letters[] = "pfesxXn";
    static const enum outcome kinds[] = {OUTCOME_PASSED,  OUTCOME_FAILED,  OUTCOME_ERROR,  OUTCOME_SKIPPED,
                                         OUTCOME_XFAILED, OUTCOME_XPASSED, OUTCOME_NOT_RUN};
    report->test_count = strlen(outcomes);
    report->tests = calloc(report->test_count + 1, sizeof(*report->tests));
    for (size_t i = 0; i < report->test_count; i++) {
        report->tests[i].name = strdup("t");
        report->tests[i].outcome = kinds[strchr(letters, outcomes[i]) - letters];
        report->tests[i].suite_skip = outcomes[i] == 's';
    }
}

static void add_step(struct judgement *judgement, struct result *result, const struct step_row *row,
                     size_t at)
{
    struct finding finding = {row->status, row->reason, row->task_time, BUF_INIT};
    struct task_case test_case = {.name = "case_1"};
    if (row->status != STATUS_PASS)
        buf_printf(&finding.text, "step %zu", at);
    if (row->suite != NULL) {
        struct report *report = calloc(1, sizeof(*report));
        assert_non_null(report);
        report_init(report, "");
        fill_report(report, row->suite);
        judgement_add_suite(judgement, result, report, &finding);
        report_free(report);
        free(report);
    } else {
        judgement_add_case(judgement, result, &test_case, &finding, 1);
    }
    buf_free(&finding.text);
}

static void check_row(const struct row *row, const struct result *result)
{
    if (result->status != row->status || result->reason != row->reason)
        fail_msg("%s: %s/%s", row->label, status_name(result->status), reason_name(result->reason));
    if (result->has_pass_rate != (row->rate >= 0) ||
        (row->rate >= 0 && fabs(result->pass_rate - row->rate) > 1e-9))
        fail_msg("%s: rate %f", row->label, result->pass_rate);
    if (result->passed != row->passed || result->failed != row->failed || result->skipped != row->skipped ||
        result->total != row->total)
        fail_msg("%s: %d passed, %d failed, %d skipped, %d in all", row->label, (int)result->passed,
                 (int)result->failed, (int)result->skipped, (int)result->total);
    if ((int64_t)result->test_count != row->total)
        fail_msg("%s: %zu tests", row->label, result->test_count);
    if (row->error == NULL ? result->error_count != 0
                           : result->error_count == 0 || strcmp(result->errors[0], row->error) != 0)
        fail_msg("%s: %zu errors, the first %s", row->label, result->error_count,
                 result->error_count > 0 ? result->errors[0] : "none");
}

static void verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct judgement judgement;
        struct result *result = result_new();
        struct task_case test_case = {.name = "case_1"};
        judgement_init(&judgement);
        for (size_t at = 0; at < rows[i].count; at++)
            add_step(&judgement, result, &rows[i].steps[at], at);
        for (size_t at = 0; at < rows[i].not_run; at++)
            judgement_add_case_not_run(result, &test_case);
        judgement_finish(&judgement, result);
        check_row(&rows[i], result);
        judgement_free(&judgement);
        result_free(result);
    }
}

static void every_failed_test_is_told_once(void **state)
{
    (void)state;
    struct judgement judgement;
    struct result *result = result_new();
    struct report *report = calloc(1, sizeof(*report));
    struct finding finding = {STATUS_FAIL, REASON_ASSERTION, false, BUF_INIT};
    report_init(report, "");
    fill_report(report, "fpf");
    report->tests[0].message = strdup("one");
    buf_append_text(&finding.text, "t: one");
    judgement_init(&judgement);
    judgement_add_suite(&judgement, result, report, &finding);
    judgement_finish(&judgement, result);
    assert_int_equal(result->error_count, 2);
    assert_string_equal(result->errors[0], "t: one");
    assert_string_equal(result->errors[1], "t: failed");
    report_free(report);
    free(report);
    buf_free(&finding.text);
    judgement_free(&judgement);
    result_free(result);
}

static void thousands_of_failures_are_bounded(void **state)
{
    (void)state;
    struct judgement judgement;
    struct result *result = result_new();
    judgement_init(&judgement);
    for (size_t i = 0; i < 10000; i++)
        add_step(&judgement, result, &(struct step_row)WRONG, i);
    judgement_finish(&judgement, result);
    assert_int_equal(result->failed, 10000);
    assert_int_equal(result->error_count, RESULT_ERRORS_MAX);
    assert_int_equal(result->test_count, RESULT_TESTS_MAX);
    assert_true(result->tests_truncated);
    judgement_free(&judgement);
    result_free(result);
}

static void a_case_does_not_repeat_its_name(void **state)
{
    (void)state;
    struct judgement judgement;
    struct result *result = result_new();
    struct task_case test_case = {.name = "case_7"};
    struct finding finding = {STATUS_TIMEOUT, REASON_WALL_TIME, false, BUF_INIT};
    buf_append_text(&finding.text, "case_7: stopped");
    judgement_init(&judgement);
    judgement_add_case(&judgement, result, &test_case, &finding, 12);
    judgement_finish(&judgement, result);
    assert_string_equal(result->errors[0], "case_7: stopped");
    assert_string_equal(result->tests[0].name, "case_7");
    assert_string_equal(result->tests[0].message, "stopped");
    assert_int_equal(result->tests[0].ms, 12);
    buf_free(&finding.text);
    judgement_free(&judgement);
    result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(every_failed_test_is_told_once),
        cmocka_unit_test(thousands_of_failures_are_bounded),
        cmocka_unit_test(a_case_does_not_repeat_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
