#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "producer/table.h"

static void columns_are_aligned(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"name", false, 6}, {"n", true, 0}, {"note", false, 0}};
    struct table *table = table_new(columns, ARRAY_SIZE(columns));
    const char *first[] = {"\xC3\xA9t\xC3\xA9", "7", "summer"};
    const char *second[] = {"longer name", "1234", NULL};
    assert_true(table_add(table, first));
    assert_true(table_add(table, second));
    assert_int_equal(table_rows(table), 2);
    autobuf struct buf out = BUF_INIT;
    table_print(table, &out);
    assert_string_equal(buf_text(&out), "name       n  note\n"
                                        "\xC3\xA9t\xC3\xA9        7  summer\n"
                                        "longe\xE2\x80\xA6  1234\n");
    table_free(table);
    table_free(NULL);
}

static void cells_cannot_break_the_table(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"a", false, 0}};
    struct table *table = table_new(columns, 1);
    const char *row[] = {"x\ny\033[2J"};
    assert_true(table_add(table, row));
    autobuf struct buf out = BUF_INIT;
    table_print(table, &out);
    assert_string_equal(buf_text(&out), "a\nx y?[2J\n");
    table_free(table);
}

static void csv_quotes_what_needs_it(void **state)
{
    (void)state;
    const char *cells[] = {"plain", "a,b", "say \"hi\"", "two\nlines", NULL, ""};
    autobuf struct buf out = BUF_INIT;
    csv_append(&out, cells, ARRAY_SIZE(cells));
    assert_string_equal(buf_text(&out), "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",,\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(cells_cannot_break_the_table),
        cmocka_unit_test(csv_quotes_what_needs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
