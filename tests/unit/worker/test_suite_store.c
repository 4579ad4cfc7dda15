/* What a warm server keeps of suites: bounded, the oldest goes first, and no fork inherits it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/sandbox/suite_store.h"

static void make_key(unsigned number, unsigned char key[SUITE_KEY_SIZE])
{
    memset(key, 0, SUITE_KEY_SIZE);
    memcpy(key, &number, sizeof(number));
}

static bool put(struct suite_store *store, unsigned number, size_t size)
{
    unsigned char key[SUITE_KEY_SIZE];
    unsigned char *data = malloc(size + 1);

    assert_non_null(data);
    memset(data, (int)(number & 0xff), size);
    make_key(number, key);
    bool kept = suite_store_put(store, key, data, size);
    free(data);
    return kept;
}

/* The size of what is kept, after a look at its ends and between; 0 = nothing is. */
static size_t get(const struct suite_store *store, unsigned number)
{
    unsigned char key[SUITE_KEY_SIZE];
    size_t size = 0;

    make_key(number, key);
    const unsigned char *data = suite_store_get(store, key, &size);
    if (data == NULL)
        return 0;
    const size_t places[] = {0, size / 3, size / 2, size - 1};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        assert_int_equal(data[places[i]], number & 0xff);
    return size;
}

static struct suite_store *open_store(void)
{
    struct err err = ERR_INIT;
    struct suite_store *store = suite_store_open(&err);

    assert_non_null(store);
    return store;
}

static void test_keeps_by_key(void **state)
{
    (void)state;
    struct suite_store *store = open_store();

    assert_int_equal(get(store, 1), 0);
    assert_true(put(store, 1, 100));
    assert_true(put(store, 2, 200));
    assert_int_equal(get(store, 1), 100);
    assert_int_equal(get(store, 2), 200);
    assert_int_equal(get(store, 3), 0);
    suite_store_close(store);
}

static void test_refuses_what_is_empty_or_too_large(void **state)
{
    (void)state;
    struct suite_store *store = open_store();

    assert_false(put(store, 1, 0));
    assert_false(put(store, 2, SUITE_BYTES_MAX + 1));
    assert_true(put(store, 3, SUITE_BYTES_MAX));
    assert_int_equal(get(store, 1) + get(store, 2), 0);
    assert_int_equal(get(store, 3), SUITE_BYTES_MAX);
    suite_store_close(store);
}

static void test_the_oldest_makes_room(void **state)
{
    (void)state;
    struct suite_store *store = open_store();
    const size_t size = 100 * 1024 + 7, fit = SUITE_STORE_BYTES / size;

    for (unsigned number = 1; number <= 3 * fit; number++) {
        assert_true(put(store, number, size));
        for (unsigned age = 0; age < fit && age < number; age++)
            assert_int_equal(get(store, number - age), size);
        if (number > fit)
            assert_int_equal(get(store, number - (unsigned)fit), 0);
    }
    suite_store_close(store);
}

static void test_sizes_of_all_kinds_stay_whole(void **state)
{
    (void)state;
    struct suite_store *store = open_store();
    unsigned random = 1;
    static size_t sizes[1000];

    for (unsigned number = 0; number < 1000; number++) {
        random = random * 1103515245u + 12345u;
        sizes[number] = (random >> 8) % (number % 7 == 0 ? SUITE_BYTES_MAX : 3000) + 1;
        assert_true(put(store, number, sizes[number]));
        for (unsigned age = 0; age < 40 && age <= number; age++) {
            size_t found = get(store, number - age);
            assert_true(found == sizes[number - age] || (found == 0 && age > 0));
        }
    }
    suite_store_close(store);
}

static void test_many_small_ones_are_bounded(void **state)
{
    (void)state;
    struct suite_store *store = open_store();
    unsigned kept = 0;

    for (unsigned number = 0; number < SUITE_STORE_MAX + 100; number++)
        assert_true(put(store, number, 1));
    for (unsigned number = 0; number < SUITE_STORE_MAX + 100; number++)
        kept += get(store, number) == 1;
    assert_int_equal(kept, SUITE_STORE_MAX);
    suite_store_close(store);
}

static void test_seen(void **state)
{
    (void)state;
    struct suite_store *store = open_store();
    unsigned char key[SUITE_KEY_SIZE];

    for (unsigned number = 1; number <= SUITE_SEEN_MAX; number++) {
        make_key(number, key);
        assert_false(suite_store_seen(store, key));
    }
    make_key(1, key);
    assert_true(suite_store_seen(store, key));
    make_key(SUITE_SEEN_MAX + 1, key);
    assert_false(suite_store_seen(store, key));
    make_key(1, key);
    assert_false(suite_store_seen(store, key)); /* forgotten for it */
    suite_store_close(store);
}

static void test_a_fork_does_not_inherit_it(void **state)
{
    (void)state;
    struct suite_store *store = open_store();
    int status;

    assert_true(put(store, 1, 100));
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer would call it a failure of its own */
        size_t size = 0;
        unsigned char key[SUITE_KEY_SIZE];
        make_key(1, key);
        _exit(suite_store_get(store, key, &size) == NULL ? 2 : 0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    assert_int_equal(get(store, 1), 100);
    suite_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_by_key),
        cmocka_unit_test(test_refuses_what_is_empty_or_too_large),
        cmocka_unit_test(test_the_oldest_makes_room),
        cmocka_unit_test(test_sizes_of_all_kinds_stay_whole),
        cmocka_unit_test(test_many_small_ones_are_bounded),
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_a_fork_does_not_inherit_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
