#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/message/json_memory.h"

#define PIECES 20000

/* Pieces of many sizes, freed in another order: none overlaps another, and the chunks go. */
static void pieces_are_apart(void **state)
{
    (void)state;
    static unsigned char *pieces[PIECES];
    static size_t sizes[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        sizes[i] = i % 97 == 0 ? JSON_MEMORY_SMALL + i : i * 31 % 300;
        pieces[i] = json_memory_take(sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)(i % 251), sizes[i]);
    }
    assert_true(json_memory_chunks() > 5);
    for (size_t n = 0; n < PIECES; n++) {
        size_t i = n * 7919 % PIECES; /* a prime that divides PIECES not: each once */
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(pieces[i][j], i % 251);
        json_memory_give_back(pieces[i]);
    }
    assert_in_range(json_memory_chunks(), 1, 2); /* the current one and a spare */
}

static void one_tree_after_the_other_takes_one_chunk(void **state)
{
    (void)state;
    size_t before = json_memory_chunks();
    void *pieces[100];
    for (int tree = 0; tree < 1000; tree++) {
        for (size_t i = 0; i < 100; i++)
            pieces[i] = json_memory_take(200);
        for (size_t i = 0; i < 100; i++)
            json_memory_give_back(pieces[i]);
    }
    assert_in_range(json_memory_chunks(), 1, before > 1 ? before : 2);
    json_memory_give_back(NULL);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    assert_null(json_memory_take(SIZE_MAX));
    assert_null(json_memory_take(SIZE_MAX - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_apart),
        cmocka_unit_test(one_tree_after_the_other_takes_one_chunk),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
