#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "producer/progress.h"
#include "producer/summary.h"

static void add(struct summary *summary, enum status status, enum reason reason, double rate)
{
    struct result *result = result_new();
    result->status = status;
    result->reason = reason;
    result->has_pass_rate = status != STATUS_ERROR;
    result->pass_rate = rate;
    summary_add(summary, result);
    result_free(result);
}

static void an_error_is_no_zero_rate(void **state)
{
    (void)state;
    struct summary summary = {.verdicts = 0};
    assert_true(summary_all_pass(&summary));
    add(&summary, STATUS_PASS, REASON_OK, 1.0);
    assert_true(summary_all_pass(&summary));
    add(&summary, STATUS_FAIL, REASON_ASSERTION, 0.5);
    add(&summary, STATUS_ERROR, REASON_INFRA, 0.0);
    assert_false(summary_all_pass(&summary));
    assert_int_equal(summary.verdicts, 3);
    assert_int_equal(summary.rated, 2);
    autobuf struct buf out = BUF_INIT;
    summary_to_json(&summary, 1500, &out);
    assert_string_equal(buf_text(&out),
                        "{\"verdicts\":3,\"missing\":0,\"pass\":1,\"fail\":1,\"timeout\":0,\"error\":1,"
                        "\"reasons\":{\"ok\":1,\"assertion\":1,\"infra\":1},"
                        "\"mean_test_pass_rate\":0.750000,\"elapsed_ms\":1500}");
    buf_reset(&out);
    summary_print(&summary, 1500, &out);
    assert_non_null(strstr(buf_text(&out), "1 of 3 pass, mean test pass rate 0.750, 1.5 s\n"));
    assert_non_null(strstr(buf_text(&out), "error   infra"));
}

static void missing_verdicts_are_no_pass(void **state)
{
    (void)state;
    struct summary summary = {.missing = 2};
    add(&summary, STATUS_PASS, REASON_OK, 1.0);
    assert_false(summary_all_pass(&summary));
    autobuf struct buf out = BUF_INIT;
    summary_print(&summary, 10, &out);
    assert_non_null(strstr(buf_text(&out), "(no verdict)"));
    assert_non_null(strstr(buf_text(&out), "1 of 3 pass"));
}

static void check_progress(const struct progress *progress, const char *stalled, const char *expected)
{
    autobuf struct buf out = BUF_INIT;
    progress_append(progress, stalled, &out);
    assert_string_equal(buf_text(&out), expected);
}

static void progress_tells_rate_and_eta(void **state)
{
    (void)state;
    struct progress progress = {.total = 1000, .confirmed = 250, .elapsed_ms = 1000};
    check_progress(&progress, NULL, "250/1000 confirmed  250/s  ETA 3.0 s");
    check_progress(&progress, "no broker: gone", "250/1000 confirmed  no broker: gone");
    progress = (struct progress){.total = 0, .confirmed = 5, .elapsed_ms = 1000};
    assert_int_equal(progress_eta_ms(&progress), -1);
    check_progress(&progress, NULL, "5 confirmed  5.0/s");
    progress = (struct progress){.total = 10, .elapsed_ms = 0};
    assert_int_equal(progress_eta_ms(&progress), -1);
}

static void once_confirmed_the_verdicts_are_the_rate(void **state)
{
    (void)state;
    struct progress progress = {
        .total = 100, .confirmed = 100, .verdicts = 20, .waiting = true, .elapsed_ms = 2000};
    assert_int_equal(progress_eta_ms(&progress), 8000);
    check_progress(&progress, NULL, "100/100 confirmed  20 verdicts  10/s  ETA 8.0 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_no_zero_rate),
        cmocka_unit_test(missing_verdicts_are_no_pass),
        cmocka_unit_test(progress_tells_rate_and_eta),
        cmocka_unit_test(once_confirmed_the_verdicts_are_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
