#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/silence.h"

#define PATIENCE_MS 10000

/* Looks once a period from `from_ms` until it is given up: after how many milliseconds; -1: not within
 * `for_ms`. */
static int64_t given_up_after(struct silence *silence, uint64_t oldest, int64_t from_ms, int64_t for_ms)
{
    for (int64_t waited_ms = 0; waited_ms <= for_ms; waited_ms += SILENCE_LOOK_MS)
        if (silence_look(silence, oldest, PATIENCE_MS, from_ms + waited_ms))
            return waited_ms;
    return -1;
}

static void one_message_without_an_answer_is_enough(void **state)
{
    (void)state;
    struct silence silence = {0};
    silence_begin(&silence, 500);
    assert_int_equal(given_up_after(&silence, 7, 1000, 60000), PATIENCE_MS);
}

static void no_message_no_silence(void **state)
{
    (void)state;
    struct silence silence = {0};
    silence_begin(&silence, 0);
    assert_int_equal(given_up_after(&silence, 0, 0, 100000), -1);
    assert_int_equal(given_up_after(&silence, 1, 100000, 60000), PATIENCE_MS);
}

static void a_broker_that_goes_on_is_not_silent(void **state)
{
    (void)state;
    struct silence silence = {0};
    silence_begin(&silence, 0);
    for (uint64_t oldest = 1; oldest < 100; oldest++)
        assert_int_equal(given_up_after(&silence, oldest, (int64_t)oldest * 9000, 8000), -1);
}

static void patience_doubles_until_something_is_heard(void **state)
{
    (void)state;
    struct silence silence = {0};
    int64_t now_ms = 0;
    const int64_t waits[] = {PATIENCE_MS, 2 * PATIENCE_MS, 4 * PATIENCE_MS, 4 * PATIENCE_MS};
    for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        silence_begin(&silence, now_ms);
        assert_int_equal(given_up_after(&silence, 1, now_ms, 1000000), waits[i]);
        now_ms += waits[i] + 100;
    }
    silence_begin(&silence, now_ms);
    assert_false(silence_look(&silence, 1, PATIENCE_MS, now_ms));
    assert_int_equal(given_up_after(&silence, 2, now_ms + SILENCE_LOOK_MS, 1000000), PATIENCE_MS);
}

static void what_the_broker_or_we_could_not_help_does_not_count(void **state)
{
    (void)state;
    struct silence silence = {0};
    silence_begin(&silence, 0);
    assert_int_equal(given_up_after(&silence, 1, 0, 9000), -1);
    silence_excuse(&silence, 10000); /* blocked */
    assert_int_equal(given_up_after(&silence, 1, 11000, 8000), -1);
    /* Stopped for an hour; the confirm may lie in the socket's other half. */
    assert_int_equal(given_up_after(&silence, 1, 3600000, 9000), -1);
    assert_true(silence_look(&silence, 1, PATIENCE_MS, 3610000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_message_without_an_answer_is_enough),
        cmocka_unit_test(no_message_no_silence),
        cmocka_unit_test(a_broker_that_goes_on_is_not_silent),
        cmocka_unit_test(patience_doubles_until_something_is_heard),
        cmocka_unit_test(what_the_broker_or_we_could_not_help_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
