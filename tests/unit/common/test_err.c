#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/text.h"

static void context_reads_from_the_outside_in(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_false(err_set(&err, ERR_INPUT, "unknown field \"%s\"", "timout"));
    assert_false(err_wrap(&err, "line %d", 3));
    assert_false(err_wrap(&err, "publish %s", "tasks.jsonl"));
    assert_string_equal(err.text, "publish tasks.jsonl: line 3: unknown field \"timout\"");
    assert_int_equal(err.code, ERR_INPUT);
}

static void errno_is_kept_and_named(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    errno = ENOSPC;
    err_set_errno(&err, ERR_IO, "write %s", "results.jsonl");
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_string_equal(err.text, "write results.jsonl: No space left on device");
}

static void message_is_one_line(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    err_set(&err, ERR_PROTOCOL, "ERROR: first\nDETAIL: second\r\n\n");
    assert_string_equal(err.text, "ERROR: first DETAIL: second");
}

static void long_message_is_cut_at_a_character(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        char text[3000];
        memset(text, 'x', lead);
        for (size_t i = lead; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3);
        text[sizeof(text) - 3] = '\0';
        text[lead + (sizeof(text) - lead - 4) / 3 * 3] = '\0';
        struct err err = ERR_INIT;
        err_set(&err, ERR_INPUT, "%s", text);
        assert_true(text_is_utf8(err.text, strlen(err.text), NULL));
        assert_true(strlen(err.text) > sizeof(err.text) - 5);
        err_wrap(&err, "a");
        assert_true(text_is_utf8(err.text, strlen(err.text), NULL));
    }
}

static void null_is_allowed(void **state)
{
    (void)state;
    assert_false(err_set(NULL, ERR_IO, "x"));
    assert_false(err_set_errno(NULL, ERR_IO, "x"));
    assert_false(err_wrap(NULL, "x"));
    err_clear(NULL);
}

static void exit_statuses_are_the_documented_ones(void **state)
{
    (void)state;
    assert_int_equal(err_exit_status(ERR_NONE), 0);
    assert_int_equal(err_exit_status(ERR_USAGE), 2);
    assert_int_equal(err_exit_status(ERR_CONFIG), 2);
    assert_int_equal(err_exit_status(ERR_INPUT), 2);
    assert_int_equal(err_exit_status(ERR_UNREACHABLE), 3);
    assert_int_equal(err_exit_status(ERR_DENIED), 3);
    assert_int_equal(err_exit_status(ERR_IO), 4);
    assert_string_equal(err_code_name(ERR_UNREACHABLE), "unreachable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_reads_from_the_outside_in),
        cmocka_unit_test(errno_is_kept_and_named),
        cmocka_unit_test(message_is_one_line),
        cmocka_unit_test(long_message_is_cut_at_a_character),
        cmocka_unit_test(null_is_allowed),
        cmocka_unit_test(exit_statuses_are_the_documented_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
