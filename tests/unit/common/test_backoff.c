#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/backoff.h"

static void ceiling_doubles_up_to_thirty_seconds(void **state)
{
    (void)state;
    struct backoff backoff = BACKOFF_INIT;
    /* UINT32_MAX modulo the spread is not the largest wait; the largest is found by asking for it. */
    const int64_t caps[] = {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
    for (unsigned i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
        assert_int_equal(backoff_next(&backoff, (uint32_t)(caps[i] - 100)), caps[i]);
}

static void every_random_number_stays_within(void **state)
{
    (void)state;
    struct backoff backoff = BACKOFF_INIT;
    uint32_t random = 1;
    for (int i = 0; i < 100000; i++) {
        random = random * 1664525u + 1013904223u;
        int64_t wait = backoff_next(&backoff, random);
        assert_true(wait >= 100 && wait <= 30000);
    }
    assert_in_range(backoff_next(&backoff, UINT32_MAX), 100, 30000);
}

static void success_starts_anew(void **state)
{
    (void)state;
    struct backoff backoff = BACKOFF_INIT;
    for (int i = 0; i < 20; i++)
        (void)backoff_next(&backoff, 7);
    backoff_reset(&backoff);
    assert_int_equal(backoff_next(&backoff, 12345), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ceiling_doubles_up_to_thirty_seconds),
        cmocka_unit_test(every_random_number_stays_within),
        cmocka_unit_test(success_starts_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
