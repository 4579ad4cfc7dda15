#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/mem.h"
#include "producer/window.h"

struct message {
    struct window_item item;
    char name;
};

static char settled_names[64];

static void settled(void *context, struct window_item *item)
{
    (void)context;
    size_t used = strlen(settled_names);
    settled_names[used] = ((struct message *)item)->name;
    settled_names[used + 1] = '\0';
}

static void start(struct window *window, struct message *messages, size_t count, size_t limit)
{
    settled_names[0] = '\0';
    window_init(window, limit, 1000);
    for (size_t i = 0; i < count; i++) {
        messages[i] = (struct message){.item = {.bytes = 10}, .name = (char)('a' + (char)i)};
        window_add(window, &messages[i].item);
    }
}

/* Sends what waits under sequence numbers from `first`; returns their names in order. */
static const char *send_all(struct window *window, uint64_t first, int64_t now_ms)
{
    static char names[64];
    size_t used = 0;
    for (struct window_item *item; (item = window_next(window, now_ms)) != NULL;) {
        names[used++] = ((struct message *)item)->name;
        window_sent(window, first++);
    }
    names[used] = '\0';
    return names;
}

static void confirm(struct window *window, uint64_t sequence, bool multiple, bool accepted)
{
    window_confirm(window, sequence, multiple, accepted, 0, 0, settled, NULL);
}

static void confirms_one_and_many(void **state)
{
    (void)state;
    struct window window;
    struct message messages[5];
    start(&window, messages, 5, 5);
    assert_false(window_has_room(&window));
    assert_string_equal(send_all(&window, 1, 0), "abcde");
    confirm(&window, 2, false, true);
    assert_string_equal(settled_names, "b");
    assert_true(window_has_room(&window));
    confirm(&window, 4, true, true);
    assert_string_equal(settled_names, "bacd");
    confirm(&window, 4, true, true);
    confirm(&window, 99, false, true);
    assert_string_equal(settled_names, "bacd");
    confirm(&window, 5, false, true);
    assert_string_equal(settled_names, "bacde");
    assert_int_equal(window.count, 0);
    assert_int_equal(window.bytes, 0);
    assert_null(window_remove_any(&window));
}

static void refused_ones_wait_and_go_first(void **state)
{
    (void)state;
    struct window window;
    struct message messages[4];
    start(&window, messages, 3, 4);
    (void)send_all(&window, 1, 0);
    messages[3] = (struct message){.item = {.bytes = 10}, .name = 'd'};
    window_add(&window, &messages[3].item);
    window_confirm(&window, 2, true, false, 1000, 99, settled, NULL);
    assert_string_equal(settled_names, "");
    assert_int_equal(window.refused, 2);
    assert_true(window.paused_until_ms > 1000);
    assert_null(window_next(&window, window.paused_until_ms - 1));
    assert_string_equal(send_all(&window, 4, window.paused_until_ms), "abd");
    confirm(&window, 6, true, true);
    assert_string_equal(settled_names, "cabd");
    assert_int_equal(window.paused_until_ms, 0);
    assert_int_equal(window.backoff.attempts, 0);
}

static void a_lost_connection_sends_again_in_order(void **state)
{
    (void)state;
    struct window window;
    struct message messages[4];
    start(&window, messages, 4, 4);
    for (uint64_t sequence = 1; sequence <= 3; sequence++)
        window_sent(&window, sequence);
    confirm(&window, 2, false, true);
    messages[2].item.returned = true; /* its confirm never came: it is returned again */
    window_lost(&window);
    assert_false(messages[2].item.returned);
    assert_int_equal(window.resent, 2);
    assert_string_equal(send_all(&window, 1, 0), "acd");
    confirm(&window, 3, true, true);
    assert_string_equal(settled_names, "bacd");
}

static void bytes_limit_the_window_but_one_always_fits(void **state)
{
    (void)state;
    struct window window;
    struct message large = {.item = {.bytes = 5000}, .name = 'L'};
    window_init(&window, 100, 1000);
    assert_true(window_has_room(&window));
    window_add(&window, &large.item);
    assert_false(window_has_room(&window));
    assert_ptr_equal(window_remove_any(&window), &large.item);
    assert_true(window_has_room(&window));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confirms_one_and_many),
        cmocka_unit_test(refused_ones_wait_and_go_first),
        cmocka_unit_test(a_lost_connection_sends_again_in_order),
        cmocka_unit_test(bytes_limit_the_window_but_one_always_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
