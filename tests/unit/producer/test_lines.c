#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "producer/lines.h"

/* Feeds `text` in pieces of `piece` bytes and takes the lines as they complete. */
static size_t feed(struct lines *lines, const char *text, size_t size, size_t piece, char out[][32],
                   size_t most)
{
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        size_t room = 0;
        char *place = lines_reserve(lines, &room);
        assert_non_null(place);
        size_t part = size - at < piece ? size - at : piece;
        assert_true(part <= room);
        memcpy(place, text + at, part);
        lines_commit(lines, part);
        at += part;
        if (at == size)
            lines_end(lines);
        for (struct line line; lines_next(lines, &line); count++) {
            assert_true(count < most);
            assert_int_equal(line.number, count + 1);
            if (line.too_long)
                strcpy(out[count], "(too long)");
            else
                (void)snprintf(out[count], 32, "%.*s", (int)line.size, line.text);
        }
    }
    return count;
}

static void any_piece_size_gives_the_same_lines(void **state)
{
    (void)state;
    static const char text[] = "one\n\ntwo\r\n0123456789A\nlast";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct lines lines;
        char out[8][32];
        lines_init(&lines, 10);
        assert_int_equal(feed(&lines, text, sizeof text - 1, piece, out, 8), 5);
        assert_string_equal(out[0], "one");
        assert_string_equal(out[1], "");
        assert_string_equal(out[2], "two\r");
        assert_string_equal(out[3], "(too long)");
        assert_string_equal(out[4], "last");
        lines_free(&lines);
    }
}

static void a_line_of_just_the_limit_is_taken(void **state)
{
    (void)state;
    struct lines lines;
    char out[2][32];
    lines_init(&lines, 10);
    assert_int_equal(feed(&lines, "0123456789\n0123456789", 21, 7, out, 2), 2);
    assert_string_equal(out[0], "0123456789");
    assert_string_equal(out[1], "0123456789");
    lines_free(&lines);
}

static void memory_stays_bounded_by_the_limit(void **state)
{
    (void)state;
    struct lines lines;
    lines_init(&lines, 1000);
    for (int i = 0; i < 500; i++) {
        size_t room = 0;
        char *place = lines_reserve(&lines, &room);
        memset(place, 'x', 65536);
        lines_commit(&lines, 65536);
        struct line line;
        assert_false(lines_next(&lines, &line));
    }
    assert_true(lines.capacity <= 4 * 65536);
    lines_end(&lines);
    struct line line;
    assert_true(lines_next(&lines, &line));
    assert_true(line.too_long);
    assert_int_equal(line.number, 1);
    assert_false(lines_next(&lines, &line));
    lines_free(&lines);
}

static void a_byte_order_mark_is_skipped_once(void **state)
{
    (void)state;
    struct lines lines;
    char out[2][32];
    lines_init(&lines, 100);
    assert_int_equal(feed(&lines, "\xEF\xBB\xBF{}\n\xEF\xBB\xBF", 9, 100, out, 2), 2);
    assert_string_equal(out[0], "{}");
    assert_string_equal(out[1], "\xEF\xBB\xBF");
    lines_free(&lines);
}

static void nothing_has_no_lines(void **state)
{
    (void)state;
    struct lines lines;
    struct line line;
    lines_init(&lines, 100);
    assert_false(lines_next(&lines, &line));
    lines_end(&lines);
    assert_false(lines_next(&lines, &line));
    lines_free(&lines);
}

static void blank_lines_are_white_space_alone(void **state)
{
    (void)state;
    struct line blank = {" \t\r", 3, 1, false};
    struct line empty = {"", 0, 1, false};
    struct line nul = {"\0", 1, 1, false};
    struct line text = {" x", 2, 1, false};
    struct line too_long = {"", 0, 1, true};
    assert_true(line_is_blank(&blank));
    assert_true(line_is_blank(&empty));
    assert_false(line_is_blank(&nul));
    assert_false(line_is_blank(&text));
    assert_false(line_is_blank(&too_long));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_piece_size_gives_the_same_lines),
        cmocka_unit_test(a_line_of_just_the_limit_is_taken),
        cmocka_unit_test(memory_stays_bounded_by_the_limit),
        cmocka_unit_test(a_byte_order_mark_is_skipped_once),
        cmocka_unit_test(nothing_has_no_lines),
        cmocka_unit_test(blank_lines_are_white_space_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
