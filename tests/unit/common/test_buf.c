#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

static void appends_and_stays_terminated(void **state)
{
    (void)state;
    autobuf struct buf buf = BUF_INIT;
    assert_string_equal(buf_text(&buf), "");
    buf_append(&buf, "ab\0c", 4);
    buf_append_char(&buf, 'd');
    buf_printf(&buf, "%d-%s", 42, "x");
    assert_int_equal(buf.size, 9);
    assert_memory_equal(buf.data, "ab\0cd42-x", 10);
    buf_append(&buf, NULL, 0);
    assert_false(buf.failed);
}

static void the_bound_is_exact_and_sticky(void **state)
{
    (void)state;
    autobuf struct buf buf = BUF_LIMIT(4);
    buf_append_text(&buf, "abcd");
    assert_false(buf.failed);
    buf_append_char(&buf, 'e');
    assert_true(buf.failed);
    assert_string_equal(buf_text(&buf), "abcd");
    buf_append(&buf, "", 0);
    assert_true(buf.failed);
    assert_null(buf_reserve(&buf, 1));
    assert_null(buf_steal(&buf, NULL));
}

static void reset_clears_the_failure(void **state)
{
    (void)state;
    autobuf struct buf buf = BUF_LIMIT(2);
    buf_append_text(&buf, "abc");
    assert_true(buf.failed);
    buf_reset(&buf);
    buf_append_text(&buf, "ab");
    assert_false(buf.failed);
    assert_string_equal(buf_text(&buf), "ab");
}

static void consume_drops_the_front(void **state)
{
    (void)state;
    autobuf struct buf buf = BUF_INIT;
    buf_consume(&buf, 3);
    buf_append_text(&buf, "hello world");
    buf_consume(&buf, 6);
    assert_string_equal(buf_text(&buf), "world");
    buf_consume(&buf, 99);
    assert_int_equal(buf.size, 0);
    assert_string_equal(buf_text(&buf), "");
}

static void reserve_and_commit(void **state)
{
    (void)state;
    autobuf struct buf buf = BUF_INIT;
    char *room = buf_reserve(&buf, 1000);
    assert_non_null(room);
    memset(room, 'z', 1000);
    buf_commit(&buf, 10);
    assert_string_equal(buf_text(&buf), "zzzzzzzzzz");
}

static void absurd_sizes_fail(void **state)
{
    (void)state;
    autobuf struct buf buf = BUF_INIT;
    assert_null(buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    buf_reset(&buf);
    buf_append_char(&buf, 'a');
    assert_null(buf_reserve(&buf, SIZE_MAX - 1));
}

static void steal_hands_the_memory_over(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    size_t size = 99;
    char *empty = buf_steal(&buf, &size);
    assert_non_null(empty);
    assert_int_equal(size, 0);
    assert_string_equal(empty, "");
    free(empty);
    buf_append_text(&buf, "mine");
    char *text = buf_steal(&buf, &size);
    assert_string_equal(text, "mine");
    assert_int_equal(size, 4);
    assert_null(buf.data);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_stays_terminated), cmocka_unit_test(the_bound_is_exact_and_sticky),
        cmocka_unit_test(reset_clears_the_failure),     cmocka_unit_test(consume_drops_the_front),
        cmocka_unit_test(reserve_and_commit),           cmocka_unit_test(absurd_sizes_fail),
        cmocka_unit_test(steal_hands_the_memory_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
