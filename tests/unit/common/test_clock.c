#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/clock.h"

static void prints_known_instants(void **state)
{
    (void)state;
    char text[RFC3339_SIZE];
    clock_rfc3339(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_rfc3339(INT64_C(1767323045678), text);
    assert_string_equal(text, "2026-01-02T03:04:05.678Z");
    clock_rfc3339(INT64_C(951782399999), text);
    assert_string_equal(text, "2000-02-28T23:59:59.999Z");
    clock_rfc3339(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    clock_rfc3339(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    clock_rfc3339(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void round_trips(void **state)
{
    (void)state;
    for (int64_t ms = INT64_C(-62167219200000); ms < INT64_C(253402300799999); ms += INT64_C(98765432101)) {
        char text[RFC3339_SIZE];
        int64_t back;
        clock_rfc3339(ms, text);
        assert_true(clock_parse_rfc3339(text, &back));
        assert_int_equal(back, ms);
    }
}

static void reads_the_forms_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1985-04-12T23:20:50.52Z", INT64_C(482196050520)}, /* RFC 3339, 5.8 */
        {"1996-12-19T16:39:57-08:00", INT64_C(851042397000)},
        {"1990-12-31T23:59:60Z", INT64_C(662688000000)},
        {"1937-01-01T12:00:27.87+00:20", INT64_C(-1041337172130)},
        {"2026-01-02t03:04:05z", INT64_C(1767323045000)},
        {"2026-01-02 03:04:05.123456789+00:00", INT64_C(1767323045123)},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = 0;
        assert_true(clock_parse_rfc3339(cases[i].text, &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void refuses_what_is_no_date_time(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-13-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2023-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05+1:00",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05Zx",
        " 2026-01-02T03:04:05Z",
        "26-01-02T03:04:05Z",
        "2026-01-02T03:04:05 UTC",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms;
        assert_false(clock_parse_rfc3339(bad[i], &ms));
    }
}

static void clocks_run(void **state)
{
    (void)state;
    int64_t first = clock_us();
    assert_true(clock_us() >= first);
    assert_true(clock_ms() >= first / 1000);
    assert_true(clock_unix_ms() > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_known_instants),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(reads_the_forms_of_the_standard),
        cmocka_unit_test(refuses_what_is_no_date_time),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
