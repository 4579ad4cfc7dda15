#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/refusal.h"

static void values_are_the_rows_fault(void **state)
{
    (void)state;
    static const char *const codes[] = {"22003", "22P05", "22P02", "23514",
                                        "23505", "54000", "P0001", "21000"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        assert_int_equal(fault_of_sqlstate(codes[i]), FAULT_ROW);
}

static void everything_else_passes(void **state)
{
    (void)state;
    static const char *const codes[] = {"",      "08006", "40001", "40P01", "42P01", "42501",
                                        "42703", "53100", "53200", "53300", "55P03", "57014",
                                        "57P01", "57P03", "58030", "XX000"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        assert_int_equal(fault_of_sqlstate(codes[i]), FAULT_PASSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_rows_fault),
        cmocka_unit_test(everything_else_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
