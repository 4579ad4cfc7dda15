#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/mem.h"
#include "producer/screen.h"

static void check_line(const char *text, size_t columns, const char *expected)
{
    autobuf struct buf out = BUF_INIT;
    screen_append_line(&out, text, columns);
    assert_string_equal(buf_text(&out), expected);
}

static void no_control_character_passes(void **state)
{
    (void)state;
    check_line("a\033[31mb\tc\nd\x7F", 0, "a?[31mb c d?");
    check_line("C1 \xC2\x9B"
               "31m, \xC3\xA9",
               0, "C1 ?31m, \xC3\xA9");
    for (int c = 1; c < 0x20; c++) {
        char text[] = {(char)c, '\0'};
        autobuf struct buf out = BUF_INIT;
        screen_append_line(&out, text, 0);
        assert_int_equal(out.size, 1);
        assert_true(out.data[0] == ' ' || out.data[0] == '?');
    }
}

static void long_lines_are_cut_at_code_points(void **state)
{
    (void)state;
    check_line("12345", 5, "12345");
    check_line("123456", 5, "1234\xE2\x80\xA6");
    check_line("\xC3\xA9\xC3\xA9\xC3\xA9", 2, "\xC3\xA9\xE2\x80\xA6");
    assert_int_equal(screen_width("\xC3\xA9\xC3\xA9z"), 3);
}

static void check_block(const char *text, size_t lines_max, const char *expected)
{
    autobuf struct buf out = BUF_INIT;
    screen_append_block(&out, text, "> ", lines_max);
    assert_string_equal(buf_text(&out), expected);
}

static void blocks_are_indented_and_cut_in_front(void **state)
{
    (void)state;
    check_block("a\nb\n", 0, "> a\n> b\n");
    check_block("a\nb\nc\n", 2, "> ...\n> b\n> c\n");
    check_block("a\nb", 2, "> a\n> b\n");
    check_block("", 5, "");
}

static void check_duration(long long ms, const char *expected)
{
    autobuf struct buf out = BUF_INIT;
    screen_append_duration(&out, ms);
    assert_string_equal(buf_text(&out), expected);
}

static void durations(void **state)
{
    (void)state;
    check_duration(0, "0 ms");
    check_duration(999, "999 ms");
    check_duration(1250, "1.2 s");
    check_duration(59999, "59.9 s");
    check_duration(185000, "3 min 05 s");
    check_duration(7380000, "2 h 03 min");
}

static void json_strings(void **state)
{
    (void)state;
    autobuf struct buf out = BUF_INIT;
    screen_append_json(&out, "a\"b\\c\n\xC3\xA9");
    assert_string_equal(buf_text(&out), "\"a\\\"b\\\\c\\u000a\xC3\xA9\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_control_character_passes),
        cmocka_unit_test(long_lines_are_cut_at_code_points),
        cmocka_unit_test(blocks_are_indented_and_cut_in_front),
        cmocka_unit_test(durations),
        cmocka_unit_test(json_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
