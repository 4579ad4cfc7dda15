#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "worker/capture.h"

struct row {
    const char *label;
    size_t keep, kill;
    const char *pieces[6]; /* appended one after the other */
    const char *text;
    bool truncated, over;
};

static const struct row rows[] = {
    {"nothing", 8, 100, {NULL}, "", false, false},
    {"fits", 8, 100, {"abc"}, "abc", false, false},
    {"fits exactly", 8, 100, {"abcd", "efgh"}, "abcdefgh", false, false},
    {"one too many", 8, 100, {"abcdefghi"}, "abcd\n[... 1 bytes left out ...]\nfghi", true, false},
    {"in single bytes", 4, 100, {"a", "b", "c", "d", "e"}, "ab\n[... 1 bytes left out ...]\nde", true, false},
    {"long middle", 4, 100, {"ab", "0123456789", "yz"}, "ab\n[... 10 bytes left out ...]\nyz", true, false},
    {"at the kill bound", 4, 8, {"abcd", "efgh"}, "ab\n[... 4 bytes left out ...]\ngh", true, false},
    {"over the kill bound", 4, 8, {"abcd", "efghi"}, "ab\n[... 5 bytes left out ...]\nhi", true, true},
    {"character over the border", 8, 100, {"abc\xC3", "\xA4xyz"}, "abc\xC3\xA4xyz", false, false},
    {"head cut at a character",
     8,
     100,
     {"abc\xC3\xA4xxxxxyz12"},
     "abc\n[... 7 bytes left out ...]\nyz12",
     true,
     false},
    {"tail cut at a character",
     8,
     100,
     {"abcdxxxxxx\xC3\xA4yz1"},
     "abcd\n[... 8 bytes left out ...]\nyz1",
     true,
     false},
    {"not UTF-8", 8, 100, {"a\xFFz"}, "a\xEF\xBF\xBDz", false, false},
};

static void check_row(const struct row *row, bool whole)
{
    struct capture capture;
    autobuf struct buf text = BUF_INIT;
    bool over = false;

    capture_init(&capture, row->keep, row->kill, whole);
    for (size_t i = 0; i < 6 && row->pieces[i] != NULL; i++)
        over = !capture_append(&capture, row->pieces[i], strlen(row->pieces[i])) || over;
    bool truncated = capture_text(&capture, &text);
    /* A whole capture forgets what lies over its kill bound, so the two differ there. */
    if (!(whole && row->over) && strcmp(buf_text(&text), row->text) != 0)
        fail_msg("%s (whole %d): got \"%s\"", row->label, whole, buf_text(&text));
    if (truncated != row->truncated || over != row->over)
        fail_msg("%s (whole %d): truncated %d, over %d", row->label, whole, truncated, over);
    capture_free(&capture);
}

static void head_and_tail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i], false);
        check_row(&rows[i], true);
    }
}

static void a_whole_capture_keeps_all(void **state)
{
    (void)state;
    struct capture capture;
    capture_init(&capture, 1024, capture_case_kill_bytes(1024, 200 * 1024), true);
    for (int i = 0; i < 200; i++) {
        char block[1024];
        memset(block, 'a' + i % 26, sizeof(block));
        assert_true(capture_append(&capture, block, sizeof(block)));
    }
    size_t size;
    const char *data = capture_whole(&capture, &size);
    assert_int_equal(size, 200 * 1024);
    assert_int_equal(data[1024], 'b');
    autobuf struct buf text = BUF_INIT;
    assert_true(capture_text(&capture, &text));
    assert_true(text.size < 1100);
    capture_free(&capture);
}

static void a_flood_stays_small(void **state)
{
    (void)state;
    struct capture capture;
    capture_init(&capture, 4096, 0, false);
    char block[1000];
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 20000; i++)
        assert_true(capture_append(&capture, block, sizeof(block)));
    assert_int_equal(capture.total_bytes, 20000000);
    assert_true(capture.head.capacity + capture.tail.capacity < 64 * 1024);
    capture_free(&capture);
}

static void the_last_bytes(void **state)
{
    (void)state;
    struct capture capture;
    size_t got;
    capture_init(&capture, 16, 0, false);
    capture_append(&capture, "short", 5);
    const char *tail = capture_tail(&capture, 3, &got);
    assert_int_equal(got, 3);
    assert_memory_equal(tail, "ort", 3);
    capture_append(&capture, "0123456789abcdefghij", 20);
    tail = capture_tail(&capture, 4, &got);
    assert_int_equal(got, 4);
    assert_memory_equal(tail, "ghij", 4);
    capture_free(&capture);
}

static void the_kill_bound_of_a_case(void **state)
{
    (void)state;
    assert_int_equal(capture_case_kill_bytes(1024 * 1024, 10), 16 * 1024 * 1024);
    assert_int_equal(capture_case_kill_bytes(1024, 200000), 200000 + CAPTURE_CASE_SLACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_tail),
        cmocka_unit_test(a_whole_capture_keeps_all),
        cmocka_unit_test(a_flood_stays_small),
        cmocka_unit_test(the_last_bytes),
        cmocka_unit_test(the_kill_bound_of_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
