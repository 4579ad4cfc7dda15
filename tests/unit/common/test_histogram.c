#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/histogram.h"

static void buckets_are_cumulative(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    const int64_t times_ms[] = {-7, 2, 3, 5000, 5001, 1800001};
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++)
        histogram_add(&histogram, times_ms[i]);
    autobuf struct buf out = BUF_INIT;
    histogram_print(&histogram, "a_seconds", "Help.", &out);
    assert_ptr_equal(strstr(out.data, "# HELP a_seconds Help.\n# TYPE a_seconds histogram\n"), out.data);
    assert_non_null(strstr(out.data, "a_seconds_bucket{le=\"0.002\"} 2\n"));
    assert_non_null(strstr(out.data, "a_seconds_bucket{le=\"0.005\"} 3\n"));
    assert_non_null(strstr(out.data, "a_seconds_bucket{le=\"2.5\"} 3\n"));
    assert_non_null(strstr(out.data, "a_seconds_bucket{le=\"5\"} 4\n"));
    assert_non_null(strstr(out.data, "a_seconds_bucket{le=\"1800\"} 5\n"));
    assert_non_null(strstr(out.data, "a_seconds_bucket{le=\"+Inf\"} 6\n"));
    assert_non_null(strstr(out.data, "a_seconds_sum 1810.007\na_seconds_count 6\n"));
}

static void times_of_any_size_are_added(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    histogram_add(&histogram, INT64_MAX);
    histogram_add(&histogram, INT64_MAX);
    autobuf struct buf out = BUF_INIT;
    histogram_print(&histogram, "a_seconds", "Help.", &out);
    assert_non_null(strstr(out.data, "a_seconds_bucket{le=\"1800\"} 0\n"));
    assert_non_null(strstr(out.data, "a_seconds_count 2\n"));
    assert_true(histogram.sum_ms > (double)INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_cumulative),
        cmocka_unit_test(times_of_any_size_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
