#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "producer/task_index.h"

static void in_order_and_out_of_order(void **state)
{
    (void)state;
    struct task_index index = {.count = 0};
    char name[32];
    for (uint64_t line = 2; line <= 20000; line += 2) {
        (void)snprintf(name, sizeof name, "task-%llu", (unsigned long long)line);
        assert_true(task_index_add(&index, &(struct task_record){.line = line, .digest = line * 7}, name));
    }
    for (uint64_t line = 1; line <= 20001; line++) {
        const struct task_record *record = task_index_find(&index, line);
        (void)snprintf(name, sizeof name, "task-%llu", (unsigned long long)line);
        assert_true((record != NULL) == (line % 2 == 0 && line <= 20000));
        if (record != NULL) {
            assert_int_equal(record->digest, line * 7);
            assert_string_equal(task_index_name(&index, record), name);
        }
    }
    assert_int_equal(index.next, index.count);
    assert_int_equal(task_index_find(&index, 2)->line, 2);
    assert_null(task_index_find(&index, 0));
    task_index_free(&index);
    assert_null(task_index_find(&index, 2));
}

static void a_line_is_told_by_its_bytes(void **state)
{
    (void)state;
    assert_true(task_index_digest("{}", 2) == task_index_digest("{} ", 2));
    assert_true(task_index_digest("{}", 2) != task_index_digest("{} ", 3));
    assert_true(task_index_digest("", 0) != task_index_digest("\n", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_and_out_of_order),
        cmocka_unit_test(a_line_is_told_by_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
