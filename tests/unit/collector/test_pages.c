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
    return (struct pages_state){.name = "c\"1", .broker_up = true, .held = 3, .stats = &stats};
}

static void buckets_are_cumulative(void **state)
{
    (void)state;
    struct pages_state pages = state_of();
    stats_commit(&stats, 2);
    stats_commit(&stats, 3);
    stats_commit(&stats, 5000);
    stats_commit(&stats, 5001);
    autobuf struct buf out = BUF_INIT;
    pages_metrics(&pages, &out);
    assert_non_null(strstr(out.data, "_seconds_bucket{le=\"0.002\"} 1\n"));
    assert_non_null(strstr(out.data, "_seconds_bucket{le=\"0.005\"} 2\n"));
    assert_non_null(strstr(out.data, "_seconds_bucket{le=\"1\"} 2\n"));
    assert_non_null(strstr(out.data, "_seconds_bucket{le=\"5\"} 3\n"));
    assert_non_null(strstr(out.data, "_seconds_bucket{le=\"+Inf\"} 4\n"));
    assert_non_null(strstr(out.data, "_seconds_count 4\n"));
    assert_non_null(strstr(out.data, "_seconds_sum 10.006\n"));
    assert_non_null(strstr(out.data, "assay_collector_broker_up 1\n"));
    assert_non_null(strstr(out.data, "assay_collector_database_up 0\n"));
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
        cmocka_unit_test(buckets_are_cumulative),
        cmocka_unit_test(status_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
