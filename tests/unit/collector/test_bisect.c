#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "collector/bisect.h"

enum { MOST = 600 };

/* Plays a database that refuses each range with a bad row in it; counts what it was asked. */
static size_t play(size_t count, const bool *bad, bool *stored, bool *refused)
{
    struct bisect bisect;
    struct bisect_range range;
    size_t statements = 0;
    memset(stored, 0, MOST * sizeof(bool));
    memset(refused, 0, MOST * sizeof(bool));
    bisect_start(&bisect, count);
    size_t expected_first = 0;
    while (bisect_next(&bisect, &range)) {
        assert_true(range.count > 0 && range.first + range.count <= count);
        assert_int_equal(range.first, expected_first); /* in the order of the rows, nothing left out */
        statements++;
        bool any = false;
        for (size_t i = range.first; i < range.first + range.count; i++)
            any = any || bad[i];
        if (any && !bisect_refused(&bisect, range))
            continue;
        for (size_t i = range.first; i < range.first + range.count; i++) {
            assert_false(stored[i] || refused[i]);
            (any ? refused : stored)[i] = true;
        }
        expected_first = range.first + range.count;
    }
    assert_int_equal(expected_first, count);
    return statements;
}

static void check(size_t count, const bool *bad)
{
    bool stored[MOST];
    bool refused[MOST];
    (void)play(count, bad, stored, refused);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(stored[i], !bad[i]);
        assert_int_equal(refused[i], bad[i]);
    }
}

static void a_good_batch_is_one_statement(void **state)
{
    (void)state;
    bool bad[MOST] = {false};
    bool stored[MOST];
    bool refused[MOST];
    assert_int_equal(play(500, bad, stored, refused), 1);
    assert_int_equal(play(0, bad, stored, refused), 0);
}

static void one_culprit_costs_few_statements(void **state)
{
    (void)state;
    for (size_t culprit = 0; culprit < 500; culprit++) {
        bool bad[MOST] = {false};
        bool stored[MOST];
        bool refused[MOST];
        bad[culprit] = true;
        assert_true(play(500, bad, stored, refused) <= 2 * 9 + 1);
        assert_true(refused[culprit]);
        check(500, bad);
    }
}

static void any_set_of_culprits_is_found(void **state)
{
    (void)state;
    uint32_t random = 3;
    for (int round = 0; round < 500; round++) {
        bool bad[MOST] = {false};
        random = random * 1664525u + 1013904223u;
        size_t count = (random >> 8) % MOST + 1;
        for (size_t i = 0; i < count; i++) {
            random = random * 1664525u + 1013904223u;
            bad[i] = (random >> 24) < (uint32_t)round / 2;
        }
        check(count, bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_batch_is_one_statement),
        cmocka_unit_test(one_culprit_costs_few_statements),
        cmocka_unit_test(any_set_of_culprits_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
