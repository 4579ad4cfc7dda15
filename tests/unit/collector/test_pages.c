#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "collector/pages.h"

static struct stats stats;

static struct pages_state state_of(void)
{
    memset(&stats, 0, sizeof(stats));
    return (struct pages_state){
        .name = "c\"1", .broker_up = true, .held = 3, .database_trouble = "no \"room\"", .stats = &stats};
}

static void verdicts_are_counted(void **state)
{
    (void)state;
    struct pages_state pages = state_of();
    const struct row ran = {
        .status = STATUS_FAIL, .reason = REASON_ASSERTION, .ran = true, .queued_ms = 90000, .run_ms = 4};
    const struct row cancelled = {.status = STATUS_ERROR, .reason = REASON_CANCELLED};
    stats_store(&stats, &ran);
    stats_store(&stats, &ran);
    stats_store(&stats, &cancelled);
    autobuf struct buf out = BUF_INIT;
    pages_metrics(&pages, &out);
    assert_non_null(strstr(out.data, "_verdicts_total{status=\"fail\",reason=\"assertion\"} 2\n"));
    assert_non_null(strstr(out.data, "_verdicts_total{status=\"error\",reason=\"cancelled\"} 1\n"));
    /* What never ran has no times. */
    assert_non_null(strstr(out.data, "_task_queued_seconds_bucket{le=\"60\"} 0\n"));
    assert_non_null(strstr(out.data, "_task_queued_seconds_bucket{le=\"300\"} 2\n"));
    assert_non_null(strstr(out.data, "_task_run_seconds_bucket{le=\"0.005\"} 2\n"));
    assert_non_null(strstr(out.data, "_task_run_seconds_count 2\n"));
    assert_non_null(strstr(out.data, "assay_collector_broker_up 1\n"));
    assert_non_null(strstr(out.data, "assay_collector_database_up 0\n"));
    assert_non_null(strstr(out.data, "assay_collector_database_trouble 1\n"));
}

static void status_is_escaped(void **state)
{
    (void)state;
    struct pages_state pages = state_of();
    autobuf struct buf out = BUF_INIT;
    pages_status(&pages, &out);
    assert_non_null(strstr(out.data, "\"name\":\"c\\\"1\""));
    assert_non_null(strstr(out.data, "\"held\":3"));
    assert_int_equal(out.data[out.size - 1], '}');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_counted),
        cmocka_unit_test(status_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
