#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/mem.h"
#include "common/text.h"
#include "worker/compare.h"

static bool compare_bytes(enum compare_kind kind, double tolerance, const char *expected,
                          size_t expected_size, const char *actual, size_t actual_size, char text[512])
{
    autobuf struct buf difference = BUF_INIT;
    bool same = compare_output(kind, tolerance, expected, expected_size, actual, actual_size, &difference);
    assert_true(same == (difference.size == 0));
    assert_true(difference.size < 512);
    assert_true(text_is_utf8(buf_text(&difference), difference.size, NULL));
    assert_null(strchr(buf_text(&difference), '\n'));
    memcpy(text, buf_text(&difference), difference.size + 1);
    return same;
}

static const struct sample {
    enum compare_kind kind;
    double tolerance;
    const char *expected, *actual;
    const char *difference; /* NULL: the same */
} samples[] = {
    {COMPARE_EXACT, 0, "", "", NULL},
    {COMPARE_EXACT, 0, "a\nb\n", "a\nb\n", NULL},
    {COMPARE_EXACT, 0, "a\nb\n", "a\nb", "line 2: expected 'b\\n', got 'b'"},
    {COMPARE_EXACT, 0, "a\n", "a \n", "line 1: expected 'a\\n', got 'a \\n'"},
    {COMPARE_EXACT, 0, "a\n", "a\r\n", "line 1: expected 'a\\n', got 'a\\r\\n'"},
    {COMPARE_EXACT, 0, "", "\n", "line 1: expected the end of the output, got '\\n'"},
    {COMPARE_EXACT, 0, "x\ny", "x\n", "line 2: expected 'y', got the end of the output"},

    {COMPARE_TRIM, 0, "a\nb", "a  \nb\t\r\n\n\n", NULL},
    {COMPARE_TRIM, 0, "", " \n \n", NULL},
    {COMPARE_TRIM, 0, "a\n\nb", "a\n \nb", NULL},
    {COMPARE_TRIM, 0, "a\nb", "a\n\nb", "line 2: expected 'b', got ''"},
    {COMPARE_TRIM, 0, "a", " a", "line 1: expected 'a', got ' a'"},
    {COMPARE_TRIM, 0, "1\n2\n3", "1\n2\n4", "line 3: expected '3', got '4'"},
    {COMPARE_TRIM, 0, "a", "", "line 1: expected 'a', got the end of the output"},
    {COMPARE_TRIM, 0, "a", "a\nb", "line 2: expected the end of the output, got 'b'"},
    {COMPARE_TRIM, 0, "caf\xc3\xa9", "caf\xc3\xa8", "line 1: expected 'caf\xc3\xa9', got 'caf\xc3\xa8'"},
    {COMPARE_TRIM, 0, "a", "\xff\x01\x7f", "line 1: expected 'a', got '\\xff\\x01\\x7f'"},

    {COMPARE_TOKENS, 0, "1 2\n3", " 1\n2 3 \n", NULL},
    {COMPARE_TOKENS, 0, "", " \n", NULL},
    {COMPARE_TOKENS, 0, "1 2", "1 2.0", "line 1, token 2: expected '2', got '2.0'"},
    {COMPARE_TOKENS, 0, "1 2", "1\n3", "line 2, token 2: expected '2', got '3'"},
    {COMPARE_TOKENS, 0, "1 2", "1", "line 1, token 2: expected '2', got the end of the output"},
    {COMPARE_TOKENS, 0, "1", "1\n\n2", "line 3, token 2: expected the end of the output, got '2'"},

    {COMPARE_FLOAT, 1e-6, "1.0 2", "1.0000001 2.0", NULL},
    {COMPARE_FLOAT, 1e-6, "1.0", "1.00001",
     "line 1, token 1: expected '1.0', got '1.00001' (tolerance 1e-06)"},
    {COMPARE_FLOAT, 1e-6, "1e9", "1000000999", NULL}, /* relative above 1 */
    {COMPARE_FLOAT, 1e-6, "1e9", "1000001001",
     "line 1, token 1: expected '1e9', got '1000001001' (tolerance 1e-06)"},
    {COMPARE_FLOAT, 1e-6, "0", "-0.0000005", NULL}, /* absolute below 1 */
    {COMPARE_FLOAT, 0, "3", "3.0", NULL},
    {COMPARE_FLOAT, 0, "3", "3.0000001", "line 1, token 1: expected '3', got '3.0000001' (tolerance 0)"},
    {COMPARE_FLOAT, 1, "nan", "NaN", NULL},
    {COMPARE_FLOAT, 1, "nan", "0", "line 1, token 1: expected 'nan', got '0' (tolerance 1)"},
    {COMPARE_FLOAT, 1, "0", "nan", "line 1, token 1: expected '0', got 'nan' (tolerance 1)"},
    {COMPARE_FLOAT, 1, "inf", "Infinity", NULL},
    {COMPARE_FLOAT, 1, "inf", "-inf", "line 1, token 1: expected 'inf', got '-inf' (tolerance 1)"},
    {COMPARE_FLOAT, 1, "inf", "1e308", "line 1, token 1: expected 'inf', got '1e308' (tolerance 1)"},
    {COMPARE_FLOAT, 1, "yes", "yes", NULL},
    {COMPARE_FLOAT, 1, "yes", "no", "line 1, token 1: expected 'yes', got 'no' (tolerance 1)"},
    {COMPARE_FLOAT, 1, "1", "1x", "line 1, token 1: expected '1', got '1x' (tolerance 1)"},
    {COMPARE_FLOAT, 1, "16", "0x10", "line 1, token 1: expected '16', got '0x10' (tolerance 1)"},
    {COMPARE_FLOAT, 1, "1 2", "1 2 3", "line 1, token 3: expected the end of the output, got '3'"},
};

static void each_kind(void **state)
{
    (void)state;
    char text[512];
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        const struct sample *sample = &samples[i];
        bool same = compare_bytes(sample->kind, sample->tolerance, sample->expected, strlen(sample->expected),
                                  sample->actual, strlen(sample->actual), text);
        const char *want = sample->difference != NULL ? sample->difference : "";
        if (same != (sample->difference == NULL) || strcmp(text, want) != 0)
            fail_msg("sample %zu: says \"%s\", not \"%s\"", i, text, want);
    }
}

/* A difference is bounded and shows the place, however long the lines are. */
static void long_lines(void **state)
{
    (void)state;
    static char expected[100000], actual[100000];
    char text[512];
    memset(expected, 'a', sizeof(expected));
    memset(actual, 'a', sizeof(actual));
    expected[70000] = 'X';
    actual[70000] = 'Y';
    assert_false(compare_bytes(COMPARE_TRIM, 0, expected, sizeof(expected), actual, sizeof(actual), text));
    assert_non_null(strstr(text, "expected '...aaaaaaaaaaaaaaaaaaaaXaaa"));
    assert_non_null(strstr(text, "got '...aaaaaaaaaaaaaaaaaaaaYaaa"));
    for (size_t i = 0; i < sizeof(actual) - 1; i += 2)
        memcpy(actual + i, "\xc3\xa9", 2);
    memcpy(expected, actual, sizeof(actual));
    actual[60001] = (char)0xa8;
    assert_false(compare_bytes(COMPARE_TOKENS, 0, expected, sizeof(expected), actual, sizeof(actual), text));
}

static void binary_output(void **state)
{
    (void)state;
    char text[512];
    assert_true(compare_bytes(COMPARE_EXACT, 0, NULL, 0, NULL, 0, text));
    assert_true(compare_bytes(COMPARE_TOKENS, 0, "", 0, NULL, 0, text));
    assert_false(compare_bytes(COMPARE_TRIM, 0, "a", 1, "a\0", 2, text));
    assert_string_equal(text, "line 1: expected 'a', got 'a\\x00'");
    assert_false(compare_bytes(COMPARE_FLOAT, 1, "1", 1, "1\0", 2, text));
    assert_false(compare_bytes(COMPARE_EXACT, 0, "\xe2\x82\xac", 3, "\xe2\x82", 2, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(binary_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
