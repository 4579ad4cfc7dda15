#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "producer/awaited.h"

static void each_is_counted_until_its_first_verdict(void **state)
{
    struct err err = ERR_INIT;
    struct awaited *awaited = awaited_new();
    (void)state;
    assert_non_null(awaited);
    assert_true(awaited_expect(awaited, "j", "a", &err));
    assert_true(awaited_expect(awaited, "j", "b", &err));
    assert_true(awaited_expect(awaited, "j", "a", &err)); /* twice in a file */
    assert_true(awaited_expect(awaited, "k", "a", &err)); /* another job's */
    assert_int_equal(awaited_count(awaited), 3);
    assert_true(awaited_settle(awaited, "j", "a"));
    assert_false(awaited_settle(awaited, "j", "a"));
    assert_false(awaited_settle(awaited, "j", "c"));
    assert_int_equal(awaited_count(awaited), 2);
    /* Published again: it runs again. */
    assert_true(awaited_expect(awaited, "j", "a", &err));
    assert_int_equal(awaited_count(awaited), 3);
    awaited_free(awaited);
}

static void nothing_is_awaited_by_none(void **state)
{
    (void)state;
    assert_int_equal(awaited_count(NULL), 0);
    assert_false(awaited_settle(NULL, "j", "a"));
    awaited_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_counted_until_its_first_verdict),
        cmocka_unit_test(nothing_is_awaited_by_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
