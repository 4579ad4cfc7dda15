#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "producer/idset.h"

static void keeps_the_first_value(void **state)
{
    (void)state;
    struct idset *set = idset_new();
    uint64_t *value = NULL;
    assert_int_equal(idset_add(set, "j", "t", 7, &value), IDSET_ADDED);
    assert_int_equal(*value, 7);
    assert_int_equal(idset_add(set, "j", "t", 8, &value), IDSET_PRESENT);
    assert_int_equal(*value, 7);
    *value = 9;
    assert_int_equal(*idset_find(set, "j", "t"), 9);
    assert_int_equal(idset_count(set), 1);
    idset_free(set);
}

static void job_and_task_are_not_glued(void **state)
{
    (void)state;
    struct idset *set = idset_new();
    assert_int_equal(idset_add(set, "ab", "c", 1, NULL), IDSET_ADDED);
    assert_int_equal(idset_add(set, "a", "bc", 2, NULL), IDSET_ADDED);
    assert_null(idset_find(set, "abc", ""));
    assert_null(idset_find(set, "b", "c"));
    idset_free(set);
}

static void grows_and_finds_each(void **state)
{
    (void)state;
    struct idset *set = idset_new();
    char task[32];
    for (uint64_t i = 0; i < 50000; i++) {
        (void)snprintf(task, sizeof task, "task/%llu", (unsigned long long)i);
        assert_int_equal(idset_add(set, "job", task, i, NULL), IDSET_ADDED);
    }
    assert_int_equal(idset_count(set), 50000);
    for (uint64_t i = 0; i < 50000; i++) {
        (void)snprintf(task, sizeof task, "task/%llu", (unsigned long long)i);
        uint64_t *value = idset_find(set, "job", task);
        assert_non_null(value);
        assert_int_equal(*value, i);
    }
    assert_null(idset_find(set, "job", "task/50000"));
    idset_free(set);
    idset_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_first_value),
        cmocka_unit_test(job_and_task_are_not_glued),
        cmocka_unit_test(grows_and_finds_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
