#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/loop.h"

struct fixture {
    struct loop *loop;
    int calls;
    int order[16];
    struct loop_watch *watch[2];
    struct loop_timer *timer[2];
    int pipe_fd[2];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->loop = loop_open(NULL);
    if (f->loop == NULL || pipe(f->pipe_fd) != 0)
        return -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    loop_close(f->loop);
    close(f->pipe_fd[0]);
    close(f->pipe_fd[1]);
    free(f);
    return 0;
}

static void stop_on_read(void *context, int fd, uint32_t events)
{
    struct fixture *f = context;
    char c;
    assert_true((events & EPOLLIN) != 0);
    assert_int_equal(read(fd, &c, 1), 1);
    f->calls++;
    loop_stop(f->loop);
}

static void descriptor_wakes_the_loop(void **state)
{
    struct fixture *f = *state;
    assert_non_null(loop_watch_fd(f->loop, f->pipe_fd[0], EPOLLIN, stop_on_read, f, NULL));
    assert_int_equal(write(f->pipe_fd[1], "x", 1), 1);
    assert_true(loop_run(f->loop, NULL));
    assert_int_equal(f->calls, 1);
}

static void first(void *context)
{
    struct fixture *f = context;
    f->order[f->calls++] = 1;
}

static void second(void *context)
{
    struct fixture *f = context;
    f->order[f->calls++] = 2;
    loop_stop(f->loop);
}

static void timers_fire_in_order_and_once(void **state)
{
    struct fixture *f = *state;
    struct loop_timer *late = loop_timer_new(f->loop, second, f);
    struct loop_timer *early = loop_timer_new(f->loop, first, f);
    int64_t start = clock_ms();
    loop_timer_set(late, start + 30);
    loop_timer_set(early, start + 10);
    assert_true(loop_run(f->loop, NULL));
    assert_int_equal(f->calls, 2);
    assert_int_equal(f->order[0], 1);
    assert_int_equal(f->order[1], 2);
    assert_true(clock_ms() >= start + 30);
    assert_true(loop_step(f->loop, 0, NULL));
    assert_int_equal(f->calls, 2);
}

static void stopped_timer_stays_silent(void **state)
{
    struct fixture *f = *state;
    struct loop_timer *never = loop_timer_new(f->loop, first, f);
    struct loop_timer *end = loop_timer_new(f->loop, second, f);
    loop_timer_set(never, clock_ms());
    loop_timer_stop(never);
    loop_timer_set(end, clock_ms() + 5);
    assert_true(loop_run(f->loop, NULL));
    assert_int_equal(f->calls, 1);
    assert_int_equal(f->order[0], 2);
}

static void again_at_once(void *context)
{
    struct fixture *f = context;
    f->calls++;
    loop_timer_set(f->timer[0], clock_ms());
}

/* A timer that is always due must not keep the loop from its descriptors. */
static void busy_timer_starves_nobody(void **state)
{
    struct fixture *f = *state;
    f->timer[0] = loop_timer_new(f->loop, again_at_once, f);
    loop_timer_set(f->timer[0], clock_ms());
    assert_non_null(loop_watch_fd(f->loop, f->pipe_fd[0], EPOLLIN, stop_on_read, f, NULL));
    assert_int_equal(write(f->pipe_fd[1], "x", 1), 1);
    assert_true(loop_run(f->loop, NULL));
    assert_true(f->calls >= 1);
}

static void free_both(void *context)
{
    struct fixture *f = context;
    f->calls++;
    loop_timer_free(f->timer[0]);
    loop_timer_free(f->timer[1]);
}

static void callback_may_free_timers_that_are_due(void **state)
{
    struct fixture *f = *state;
    f->timer[0] = loop_timer_new(f->loop, free_both, f);
    f->timer[1] = loop_timer_new(f->loop, free_both, f);
    loop_timer_set(f->timer[0], clock_ms() - 2);
    loop_timer_set(f->timer[1], clock_ms() - 1);
    assert_true(loop_step(f->loop, 0, NULL));
    assert_int_equal(f->calls, 1);
}

static void remove_both(void *context, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    struct fixture *f = context;
    f->calls++;
    loop_watch_remove(f->watch[0]);
    loop_watch_remove(f->watch[1]);
}

static void callback_may_remove_watches_with_events(void **state)
{
    struct fixture *f = *state;
    int copy = dup(f->pipe_fd[0]);
    f->watch[0] = loop_watch_fd(f->loop, f->pipe_fd[0], EPOLLIN, remove_both, f, NULL);
    f->watch[1] = loop_watch_fd(f->loop, copy, EPOLLIN, remove_both, f, NULL);
    assert_int_equal(write(f->pipe_fd[1], "x", 1), 1);
    assert_true(loop_step(f->loop, 1000, NULL));
    assert_true(loop_step(f->loop, 0, NULL));
    assert_int_equal(f->calls, 1);
    close(copy);
}

static void on_signal(void *context, int signal_number)
{
    struct fixture *f = context;
    f->order[f->calls++] = signal_number;
    loop_stop(f->loop);
}

static void signals_come_through_the_loop(void **state)
{
    struct fixture *f = *state;
    const int signals[] = {SIGTERM, SIGUSR1};
    assert_true(loop_watch_signals(f->loop, signals, 2, on_signal, f, NULL));
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(f->calls, 0);
    assert_true(loop_run(f->loop, NULL));
    assert_int_equal(f->calls, 1);
    assert_int_equal(f->order[0], SIGTERM);
    loop_reset_signals();
}

static void prepare_step(void *context)
{
    struct fixture *f = context;
    if (++f->calls == 3)
        loop_stop(f->loop);
    loop_timer_set(f->timer[0], clock_ms());
}

static void nothing(void *context)
{
    (void)context;
}

static void prepare_runs_before_every_wait(void **state)
{
    struct fixture *f = *state;
    f->timer[0] = loop_timer_new(f->loop, nothing, f);
    loop_set_prepare(f->loop, prepare_step, f);
    assert_true(loop_run(f->loop, NULL));
    assert_int_equal(f->calls, 3);
}

static void watching_a_closed_descriptor_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    int closed = dup(f->pipe_fd[0]);
    close(closed);
    assert_null(loop_watch_fd(f->loop, closed, EPOLLIN, stop_on_read, f, &err));
    assert_int_equal(err.code, ERR_IO);
}

static void stop_before_run_counts(void **state)
{
    struct fixture *f = *state;
    loop_stop(f->loop);
    assert_true(loop_run(f->loop, NULL));
}

#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(descriptor_wakes_the_loop),
        LOOP_TEST(timers_fire_in_order_and_once),
        LOOP_TEST(stopped_timer_stays_silent),
        LOOP_TEST(busy_timer_starves_nobody),
        LOOP_TEST(callback_may_free_timers_that_are_due),
        LOOP_TEST(callback_may_remove_watches_with_events),
        LOOP_TEST(signals_come_through_the_loop),
        LOOP_TEST(prepare_runs_before_every_wait),
        LOOP_TEST(watching_a_closed_descriptor_is_an_error),
        LOOP_TEST(stop_before_run_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
