#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static void ids(void **state)
{
    (void)state;
    char longest[TEXT_ID_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    assert_true(text_is_id("aZ09._:/-", 9));
    assert_true(text_is_id(longest, TEXT_ID_MAX));
    assert_false(text_is_id(longest, TEXT_ID_MAX + 1));
    assert_false(text_is_id("", 0));
    assert_false(text_is_id("a b", 3));
    assert_false(text_is_id("a\0b", 3));
    assert_false(text_is_id("\xc3\xa9", 2));
    assert_false(text_is_id("a#", 2));
    assert_false(text_is_id("a\n", 2));
}

static void utf8(void **state)
{
    (void)state;
    size_t bad = 99;
    assert_true(text_is_utf8("", 0, &bad));
    assert_true(text_is_utf8("a\0b", 3, &bad));
    assert_true(text_is_utf8(
        "\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 21, &bad));
    static const char *const wrong[] = {"\x80",         "\xc0\xaf", "\xc1\xbf",         "\xe0\x9f\xbf",
                                        "\xed\xa0\x80", "\xc3",     "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                                        "\xf5\x80",     "\xff",     "\xe2\x82",         "\xe2\x28\xa1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[16] = "ab";
        strcat(text, wrong[i]);
        assert_false(text_is_utf8(text, strlen(text), &bad));
        assert_int_equal(bad, 2);
    }
}

static void expect_clean(const char *data, size_t size, const char *want)
{
    autobuf struct buf out = BUF_INIT;
    text_append_clean(&out, data, size);
    assert_string_equal(buf_text(&out), want);
}

static void cleaning(void **state)
{
    (void)state;
    expect_clean("plain \xe2\x82\xac", 9, "plain \xe2\x82\xac");
    expect_clean("a\0b", 3,
                 "a\xef\xbf\xbd"
                 "b");
    expect_clean("\xff\xfe", 2, "\xef\xbf\xbd\xef\xbf\xbd");
    expect_clean("x\xe2\x82", 3, "x\xef\xbf\xbd"); /* one mark for a character that was cut */
    expect_clean("\xe2\x82y", 3, "\xef\xbf\xbdy");
    expect_clean("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    expect_clean("\xf0\x9f\x98"
                 "a",
                 4,
                 "\xef\xbf\xbd"
                 "a");
    expect_clean("\xc3", 1, "\xef\xbf\xbd");
    expect_clean("", 0, "");
}

static void cleaned_bytes_are_always_utf8(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (int round = 0; round < 20000; round++) {
        char data[24];
        for (size_t i = 0; i < sizeof(data); i++) {
            random = random * 1664525u + 1013904223u;
            data[i] = (char)(random >> 24);
        }
        autobuf struct buf out = BUF_INIT;
        text_append_clean(&out, data, sizeof(data));
        assert_true(text_is_utf8(out.data, out.size, NULL));
        assert_null(memchr(out.data, '\0', out.size));
    }
}

static void json(void **state)
{
    (void)state;
    autobuf struct buf out = BUF_INIT;
    text_append_json(&out, "a\"\\\n\t\x1f\0\xc3\xa9", 9);
    assert_string_equal(buf_text(&out), "\"a\\\"\\\\\\n\\u0009\\u001f\xef\xbf\xbd\xc3\xa9\"");
}

static void head_and_tail(void **state)
{
    (void)state;
    autobuf struct buf out = BUF_INIT;
    assert_false(text_append_head_tail(&out, "short", 5, 5));
    assert_string_equal(buf_text(&out), "short");
    char data[10000];
    for (size_t i = 0; i < sizeof(data); i += 4)
        memcpy(data + i, "\xf0\x9f\x98\x80", 4);
    for (size_t limit = 0; limit < 600; limit++) {
        buf_reset(&out);
        assert_true(text_append_head_tail(&out, data, sizeof(data), limit));
        assert_true(out.size <= limit);
        assert_true(out.size + 8 >= limit || limit < 20);
        assert_true(text_is_utf8(out.data, out.size, NULL));
        if (limit > 200)
            assert_non_null(strstr(out.data, "bytes cut"));
    }
}

static void head_and_tail_tells_how_much(void **state)
{
    (void)state;
    autobuf struct buf out = BUF_INIT;
    char data[1000];
    memset(data, 'h', 500);
    memset(data + 500, 't', 500);
    assert_true(text_append_head_tail(&out, data, sizeof(data), 200));
    const char *mark = strstr(out.data, "[... ");
    assert_non_null(mark);
    assert_int_equal(out.data[0], 'h');
    assert_int_equal(out.data[out.size - 1], 't');
    size_t cut = strtoul(mark + 5, NULL, 10);
    size_t mark_size = strlen("\n[... 000 bytes cut ...]\n");
    assert_int_equal(cut + out.size - mark_size, sizeof(data));
}

static void expect_redacted(const char *url, const char *want)
{
    autobuf struct buf out = BUF_INIT;
    text_redact_url(&out, url);
    assert_string_equal(buf_text(&out), want);
}

static void redaction(void **state)
{
    (void)state;
    expect_redacted("amqp://user:secret@host:5672/vhost", "amqp://user:***@host:5672/vhost");
    expect_redacted("amqp://user@host/vhost", "amqp://user@host/vhost");
    expect_redacted("amqp://host/vhost", "amqp://host/vhost");
    expect_redacted("postgresql://u:p@ss@h/db", "postgresql://u:***@h/db");
    expect_redacted("postgresql://u:p/a@h/db", "postgresql://u:***@h/db");
    expect_redacted("postgresql://h/db?user=u&password=secret&x=1",
                    "postgresql://h/db?user=u&password=***&x=1");
    expect_redacted("host=h password=secret user=u", "host=h password=*** user=u");
    expect_redacted("password = 'a b\\' c' user=u", "password=*** user=u");
    expect_redacted("host=h user=u", "host=h user=u");
    expect_redacted("password=", "password=***");
    expect_redacted("", "");
}

static void paths(void **state)
{
    (void)state;
    char part[300];
    memset(part, 'p', sizeof(part));
    assert_null(text_path_problem("a", 1));
    assert_null(text_path_problem("dir/..file/...", 14));
    assert_null(text_path_problem(part, 255));
    assert_string_equal(text_path_problem("", 0), "is empty");
    assert_string_equal(text_path_problem("/etc/passwd", 11), "is absolute");
    assert_string_equal(text_path_problem("a/../b", 6), "has a \"..\" part");
    assert_string_equal(text_path_problem("..", 2), "has a \"..\" part");
    assert_string_equal(text_path_problem("a/.", 3), "has a \".\" part");
    assert_string_equal(text_path_problem("a//b", 4), "has an empty part");
    assert_string_equal(text_path_problem("a/", 2), "has an empty part");
    assert_string_equal(text_path_problem("a\0b", 3), "holds a NUL");
    assert_string_equal(text_path_problem("a\\b", 3), "holds a backslash");
    assert_string_equal(text_path_problem(part, 256), "has a part longer than 255 bytes");
    char whole[1025];
    memset(whole, '/', sizeof(whole));
    assert_string_equal(text_path_problem(whole, 1025), "is longer than 1024 bytes");
}

static void numbers(void **state)
{
    (void)state;
    uint64_t value;
    assert_true(text_parse_u64("0", &value) && value == 0);
    assert_true(text_parse_u64("18446744073709551615", &value) && value == UINT64_MAX);
    assert_false(text_parse_u64("18446744073709551616", &value));
    assert_false(text_parse_u64("", &value));
    assert_false(text_parse_u64("-1", &value));
    assert_false(text_parse_u64(" 1", &value));
    assert_false(text_parse_u64("1x", &value));
}

static void randomness(void **state)
{
    (void)state;
    char a[201];
    char b[201];
    text_random_hex(a, 100);
    text_random_hex(b, 100);
    assert_int_equal(strlen(a), 200);
    assert_int_equal(strspn(a, "0123456789abcdef"), 200);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(utf8),
        cmocka_unit_test(cleaning),
        cmocka_unit_test(cleaned_bytes_are_always_utf8),
        cmocka_unit_test(json),
        cmocka_unit_test(head_and_tail),
        cmocka_unit_test(head_and_tail_tells_how_much),
        cmocka_unit_test(redaction),
        cmocka_unit_test(paths),
        cmocka_unit_test(numbers),
        cmocka_unit_test(randomness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
