#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
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

/* As in a program that is built without a sanitizer: what is freed by free() must come from malloc. */
static void a_text_is_freed_like_any(void **state)
{
    (void)state;
    json_malloc_t take;
    json_free_t give_back;
    json_get_alloc_funcs(&take, &give_back);
    json_set_alloc_funcs(json_memory_take, json_memory_give_back);
    json_t *tree = json_pack("{ss}", "name", "value");
    size_t size = 0;
    char *text = json_memory_text(tree, JSON_COMPACT, &size);
    json_decref(tree);
    json_set_alloc_funcs(take, give_back);
    assert_string_equal(text, "{\"name\":\"value\"}");
    assert_int_equal(size, strlen(text));
    free(text);
    assert_null(json_memory_text(NULL, JSON_COMPACT, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_apart),
        cmocka_unit_test(one_tree_after_the_other_takes_one_chunk),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(a_text_is_freed_like_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
