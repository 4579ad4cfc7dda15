#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/batch.h"

static struct batch new_batch(void)
{
    return (struct batch){.limits = {.rows = 3, .bytes = 1000, .age_ms = 50}};
}

static void empty_is_never_due(void **state)
{
    (void)state;
    struct batch batch = new_batch();
    assert_false(batch_is_due(&batch, INT64_MAX));
    assert_true(batch_deadline_ms(&batch) == INT64_MAX);
}

static void due_by_rows(void **state)
{
    (void)state;
    struct batch batch = new_batch();
    batch_add(&batch, 1, 100);
    batch_add(&batch, 1, 100);
    assert_false(batch_is_due(&batch, 100));
    batch_add(&batch, 1, 100);
    assert_true(batch_is_due(&batch, 100));
}

static void due_by_bytes(void **state)
{
    (void)state;
    struct batch batch = new_batch();
    batch_add(&batch, 999, 100);
    assert_false(batch_is_due(&batch, 100));
    batch_add(&batch, 1, 100);
    assert_true(batch_is_due(&batch, 100));
}

static void due_by_the_age_of_the_first(void **state)
{
    (void)state;
    struct batch batch = new_batch();
    batch_add(&batch, 1, 100);
    batch_add(&batch, 1, 149);
    assert_int_equal(batch_deadline_ms(&batch), 150);
    assert_false(batch_is_due(&batch, 149));
    assert_true(batch_is_due(&batch, 150));
}

static void what_is_left_waits_anew(void **state)
{
    (void)state;
    struct batch batch = new_batch();
    for (int i = 0; i < 5; i++)
        batch_add(&batch, 10, 100);
    batch_take(&batch, 3, 30, 200);
    assert_int_equal(batch.rows, 2);
    assert_int_equal(batch.bytes, 20);
    assert_false(batch_is_due(&batch, 249));
    assert_true(batch_is_due(&batch, 250));
    batch_take(&batch, 2, 20, 250);
    assert_false(batch_is_due(&batch, INT64_MAX));
    batch_add(&batch, 1, 1000);
    assert_int_equal(batch_deadline_ms(&batch), 1050);
}

static void age_zero_waits_for_nothing(void **state)
{
    (void)state;
    struct batch batch = new_batch();
    batch.limits.age_ms = 0;
    batch_add(&batch, 1, 100);
    assert_true(batch_is_due(&batch, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_never_due),
        cmocka_unit_test(due_by_rows),
        cmocka_unit_test(due_by_bytes),
        cmocka_unit_test(due_by_the_age_of_the_first),
        cmocka_unit_test(what_is_left_waits_anew),
        cmocka_unit_test(age_zero_waits_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
