#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "worker/cancels.h"

static void a_job_is_remembered_until_its_time_is_over(void **state)
{
    struct cancels *cancels = calloc(1, sizeof *cancels);
    (void)state;
    cancels_add(cancels, "job", 0);
    assert_true(cancels_has(cancels, "job", CANCELS_KEEP_MS - 1));
    assert_false(cancels_has(cancels, "job", CANCELS_KEEP_MS));
    assert_false(cancels_has(cancels, "other", 1));
    cancels_add(cancels, "job", CANCELS_KEEP_MS - 1); /* announced again */
    assert_true(cancels_has(cancels, "job", CANCELS_KEEP_MS + 1));
    assert_int_equal(cancels->count, 1);
    free(cancels);
}

static void a_lifted_cancel_is_forgotten(void **state)
{
    struct cancels *cancels = calloc(1, sizeof *cancels);
    (void)state;
    cancels_add(cancels, "a", 0);
    cancels_add(cancels, "b", 0);
    cancels_add(cancels, "c", 0);
    cancels_remove(cancels, "a");
    cancels_remove(cancels, "nobody");
    assert_false(cancels_has(cancels, "a", 1));
    assert_true(cancels_has(cancels, "b", 1));
    assert_true(cancels_has(cancels, "c", 1));
    assert_int_equal(cancels->count, 2);
    free(cancels);
}

static void the_oldest_makes_room(void **state)
{
    struct cancels *cancels = calloc(1, sizeof *cancels);
    char job[32];
    (void)state;
    for (int i = 0; i < CANCELS_MAX + 3; i++) {
        (void)snprintf(job, sizeof job, "job-%d", i);
        cancels_add(cancels, job, i);
    }
    assert_int_equal(cancels->count, CANCELS_MAX);
    assert_false(cancels_has(cancels, "job-0", CANCELS_MAX));
    assert_false(cancels_has(cancels, "job-2", CANCELS_MAX));
    assert_true(cancels_has(cancels, "job-3", CANCELS_MAX));
    assert_true(cancels_has(cancels, job, CANCELS_MAX));
    free(cancels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_remembered_until_its_time_is_over),
        cmocka_unit_test(a_lifted_cancel_is_forgotten),
        cmocka_unit_test(the_oldest_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
