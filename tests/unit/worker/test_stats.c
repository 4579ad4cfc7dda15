#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/stats.h"

static void verdicts_are_counted_and_printed(void **state)
{
    struct stats stats = {0};
    struct result pass = {
        .status = STATUS_PASS, .reason = REASON_OK, .started_at_ms = 1, .setup_ms = 5, .run_ms = 35};
    struct result slow = {
        .status = STATUS_TIMEOUT, .reason = REASON_WALL_TIME, .started_at_ms = 1, .run_ms = 100000};
    struct result bad = {.status = STATUS_ERROR, .reason = REASON_BAD_TASK};
    (void)state;
    stats_count(&stats, &pass);
    stats_count(&stats, &pass);
    stats_count(&stats, &slow);
    stats_count(&stats, &bad);
    assert_int_equal(stats_tasks(&stats), 4);
    assert_int_equal(stats_errors(&stats), 1);
    autobuf struct buf out = BUF_INIT;
    stats_print_metrics(&stats, &out);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, "assay_worker_tasks_total{status=\"pass\",reason=\"ok\"} 2\n"));
    assert_non_null(strstr(text, "assay_worker_tasks_total{status=\"error\",reason=\"bad_task\"} 1\n"));
    /* Cumulative; a task that never started is not in it. */
    assert_non_null(strstr(text, "_bucket{le=\"0.025\"} 0\n"));
    assert_non_null(strstr(text, "_bucket{le=\"0.05\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{le=\"60\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "_seconds_count 3\n"));
    assert_non_null(strstr(text, "_seconds_sum 100.080\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_counted_and_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
