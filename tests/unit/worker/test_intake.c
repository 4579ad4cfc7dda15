#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/intake.h"

#define SLOTS 2

static void adaptive_prefetch_is_the_slots_and_a_small_look_ahead(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(intake_prefetch(0, 1, 300000, 10800000, &err), 2);
    assert_int_equal(intake_prefetch(0, 4, 300000, 10800000, &err), 5);
    assert_int_equal(intake_prefetch(0, 32, 300000, 10800000, &err), 40);
    assert_int_equal(intake_prefetch(7, 2, 300000, 10800000, &err), 7);
}

static void adaptive_prefetch_shrinks_to_keep_the_rule(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(intake_prefetch(0, 1, 6000000, 10800000, &err), 1);
    assert_int_equal(err.code, ERR_NONE);
}

static void a_configuration_that_breaks_the_rule_is_refused(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    /* 10 x 1080 s / 1 slot is the consumer timeout itself: not under it. */
    assert_int_equal(intake_prefetch(10, 1, 1080000, 10800000, &err), 0);
    assert_int_equal(err.code, ERR_CONFIG);
    assert_non_null(strstr(err.text, "consumer_timeout_s"));
    assert_int_equal(intake_prefetch(9, 1, 1080000, 10800000, &err), 9);
    assert_int_equal(intake_prefetch(10, 2, 1080000, 10800000, &err), 10);
    /* One task alone is too long for the broker. */
    err_clear(&err);
    assert_int_equal(intake_prefetch(0, 1, 10800000, 10800000, &err), 0);
    assert_int_equal(err.code, ERR_CONFIG);
}

static void the_task_cap_counts_compile_steps(void **state)
{
    struct runtime runtime = {.compile_cases_count = 1,
                              .compile_suite_count = 2,
                              .maximum = {.task_wall_ms = 60000, .compile_wall_ms = 10000}};
    (void)state;
    assert_int_equal(intake_task_cap_ms(&runtime), 90000);
}

static void short_tasks_keep_it_eager(void **state)
{
    struct intake intake;
    (void)state;
    intake_init(&intake, SLOTS, 3, 3, 0);
    struct intake_view view = {.idle = 2, .now_ms = 0};
    struct intake_decision decision = intake_decide(&intake, &view);
    assert_true(decision.resubscribe);
    assert_int_equal(decision.prefetch, 3);
    view.prefetch = 3;
    view.idle = 0;
    view.waiting = 1;
    for (int64_t now = 100; now < 10000; now += 100) {
        intake_task_started(&intake, now);
        intake_task_finished(&intake, 100);
        view.now_ms = now + 50;
        decision = intake_decide(&intake, &view);
        assert_false(decision.resubscribe);
        assert_false(decision.hand_back);
    }
}

static void what_is_parked_behind_long_tasks_goes_back(void **state)
{
    struct intake intake;
    (void)state;
    intake_init(&intake, SLOTS, 2, 2, 0);
    intake_task_started(&intake, 0);
    struct intake_view view = {.waiting = 1, .prefetch = 2, .now_ms = INTAKE_PARK_MS - 1};
    struct intake_decision decision = intake_decide(&intake, &view);
    assert_false(decision.hand_back);
    assert_int_equal(decision.next_ms, INTAKE_PARK_MS);

    view.now_ms = decision.next_ms;
    decision = intake_decide(&intake, &view);
    assert_true(decision.hand_back);
    assert_true(decision.resubscribe);
    assert_int_equal(decision.prefetch, 0);
    assert_true(intake.cautious);

    /* Nothing is taken while no slot is idle, */
    view = (struct intake_view){.now_ms = 2000};
    assert_false(intake_decide(&intake, &view).resubscribe);
    /* and then just as much as there are idle slots. */
    intake_task_finished(&intake, 30000);
    view = (struct intake_view){.idle = 1, .now_ms = 30000};
    decision = intake_decide(&intake, &view);
    assert_true(decision.resubscribe);
    assert_int_equal(decision.prefetch, 1);
}

static void cautious_renews_for_each_freed_slot_and_ends_with_short_tasks(void **state)
{
    struct intake intake;
    (void)state;
    intake_init(&intake, SLOTS, 6, 6, 0);
    intake.cautious = true;
    intake.average_ms = 4000;
    struct intake_view view = {.idle = 1, .prefetch = 1, .now_ms = 1};
    assert_false(intake_decide(&intake, &view).resubscribe);
    intake_task_finished(&intake, 4000);
    view.idle = 2;
    struct intake_decision decision = intake_decide(&intake, &view);
    assert_true(decision.resubscribe);
    assert_int_equal(decision.prefetch, 2);
    view.prefetch = 2;
    assert_false(intake_decide(&intake, &view).resubscribe);

    for (int i = 0; i < 20 && intake.cautious; i++)
        intake_task_finished(&intake, 50);
    assert_false(intake.cautious);
    decision = intake_decide(&intake, &view);
    assert_true(decision.resubscribe);
    assert_int_equal(decision.prefetch, 6);
}

static void a_paused_worker_takes_nothing_and_still_gives_back(void **state)
{
    struct intake intake;
    (void)state;
    intake_init(&intake, SLOTS, 2, 2, 0);
    struct intake_view view = {.paused = true, .waiting = 1, .prefetch = 2, .now_ms = 10};
    struct intake_decision decision = intake_decide(&intake, &view);
    assert_true(decision.resubscribe);
    assert_int_equal(decision.prefetch, 0);
    assert_false(decision.hand_back);
    view.prefetch = 0;
    view.now_ms = INTAKE_PARK_MS;
    assert_true(intake_decide(&intake, &view).hand_back);
    /* What may not go back is not asked for at once again. */
    view.now_ms++;
    decision = intake_decide(&intake, &view);
    assert_false(decision.hand_back);
    assert_true(decision.next_ms > view.now_ms);
}

static void the_widest_keeps_the_rule_and_a_configured_one(void **state)
{
    (void)state;
    assert_int_equal(intake_widest(0, 3, 2, 300000, 10800000), 70);
    assert_int_equal(intake_widest(0, 2, 1, 300000, 10800000), 35);
    assert_int_equal(intake_widest(0, 10, 8, 300000, 10800000), INTAKE_WIDE_MAX);
    assert_int_equal(intake_widest(0, 2, 1, 9000000, 10800000), 2);
    assert_int_equal(intake_widest(7, 7, 2, 300000, 10800000), 7);
}

/* A worker of two slots with a standing subscription that was asked for by `ask`. */
struct asker {
    struct intake intake;
    struct intake_view view;
    struct intake_decision decision;
    unsigned subscriptions;
};

static void ask(struct asker *asker, int64_t now_ms, size_t waiting)
{
    asker->view.now_ms = now_ms;
    asker->view.waiting = waiting;
    asker->decision = intake_decide(&asker->intake, &asker->view);
    if (asker->decision.resubscribe) {
        asker->view.prefetch = asker->decision.prefetch;
        asker->subscriptions++;
    }
}

/* `count` tasks of so many milliseconds, one after the other from `now_ms` on: when the last has ended. */
static int64_t run_tasks(struct asker *asker, int64_t now_ms, unsigned count, int64_t duration_ms)
{
    for (unsigned i = 0; i < count; i++) {
        if (duration_ms > 0) {
            intake_task_started(&asker->intake, now_ms);
            now_ms += duration_ms;
            intake_task_finished(&asker->intake, duration_ms);
        } else {
            intake_task_unrun(&asker->intake);
        }
        ask(asker, now_ms, 0);
    }
    return now_ms;
}

static void short_tasks_widen_the_look_ahead(void **state)
{
    struct asker asker = {.view = {.idle = 1}};
    (void)state;
    intake_init(&asker.intake, SLOTS, 3, 70, 0);
    ask(&asker, 0, 0);
    assert_int_equal(asker.view.prefetch, 3);
    int64_t now_ms = run_tasks(&asker, 0, 300, 10);
    /* Two slots do some twenty of them in a tenth of a second. */
    assert_in_range(asker.view.prefetch, 12, 22);
    assert_in_range(asker.subscriptions, 2, 4);
    /* A longer one now and then changes nothing. */
    asker.subscriptions = 0;
    for (unsigned i = 0; i < 50; i++)
        now_ms = run_tasks(&asker, run_tasks(&asker, now_ms, 1, 100), 40, 10);
    assert_in_range(asker.view.prefetch, 12, 22);
    assert_in_range(asker.subscriptions, 0, 1);
    /* A long one: most of what waits goes back. */
    now_ms = run_tasks(&asker, now_ms, 1, 600);
    assert_true(asker.decision.hand_back);
    assert_in_range(asker.view.prefetch, 3, 8);
    /* Tasks have become long: it takes little. */
    (void)run_tasks(&asker, now_ms, 3, 600);
    assert_int_equal(asker.view.prefetch, 3);
}

static void tasks_that_need_no_run_widen_it_most(void **state)
{
    struct asker asker = {.view = {.idle = 2}};
    (void)state;
    intake_init(&asker.intake, SLOTS, 3, 70, 0);
    ask(&asker, 0, 0);
    (void)run_tasks(&asker, 5, 300, 0);
    assert_int_equal(asker.view.prefetch, 70);
    assert_in_range(asker.subscriptions, 2, 7);
    /* The next job's tasks: both slots take one, the others go back when none has started for a while. */
    intake_task_started(&asker.intake, 100);
    ask(&asker, 100, 68);
    assert_false(asker.decision.hand_back);
    assert_int_equal(asker.decision.next_ms, 100 + INTAKE_STARVED_MS);
    ask(&asker, 100 + INTAKE_STARVED_MS, 68);
    assert_true(asker.decision.hand_back);
    assert_int_equal(asker.view.prefetch, 3);
}

/* Also from a standstill behind long tasks, where it takes one at a time. */
static void tasks_that_need_no_run_end_caution(void **state)
{
    struct asker asker = {.view = {.idle = 2}};
    (void)state;
    intake_init(&asker.intake, SLOTS, 3, 70, 0);
    asker.intake.cautious = true;
    asker.intake.average_ms = 30000;
    ask(&asker, 0, 0);
    assert_int_equal(asker.view.prefetch, 2);
    (void)run_tasks(&asker, 5, 300, 0);
    assert_false(asker.intake.cautious);
    assert_int_equal(asker.view.prefetch, 70);
}

static void a_worker_without_work_takes_little_again(void **state)
{
    struct asker asker = {.view = {.idle = 2}};
    (void)state;
    intake_init(&asker.intake, SLOTS, 3, 70, 0);
    ask(&asker, 0, 0);
    (void)run_tasks(&asker, 5, 300, 0);
    assert_int_equal(asker.view.prefetch, 70);
    ask(&asker, 5 + INTAKE_QUIET_MS - 1, 0);
    assert_int_equal(asker.view.prefetch, 70);
    assert_int_equal(asker.decision.next_ms, 5 + INTAKE_QUIET_MS);
    ask(&asker, asker.decision.next_ms, 0);
    assert_int_equal(asker.view.prefetch, 3);
}

static void large_messages_keep_it_narrow(void **state)
{
    struct asker asker = {.view = {.idle = 2}};
    (void)state;
    intake_init(&asker.intake, SLOTS, 3, 70, 0);
    ask(&asker, 0, 0);
    intake_task_received(&asker.intake, 2 * 1024 * 1024);
    for (unsigned i = 0; i < 300; i++) {
        intake_task_received(&asker.intake, 2 * 1024 * 1024);
        (void)run_tasks(&asker, 5, 1, 0);
    }
    assert_in_range(asker.view.prefetch, 6, 8);
    /* Larger ones yet: less at once. */
    intake_task_received(&asker.intake, 64 * 1024 * 1024);
    ask(&asker, 6, 0);
    assert_int_equal(asker.view.prefetch, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adaptive_prefetch_is_the_slots_and_a_small_look_ahead),
        cmocka_unit_test(adaptive_prefetch_shrinks_to_keep_the_rule),
        cmocka_unit_test(a_configuration_that_breaks_the_rule_is_refused),
        cmocka_unit_test(the_task_cap_counts_compile_steps),
        cmocka_unit_test(short_tasks_keep_it_eager),
        cmocka_unit_test(what_is_parked_behind_long_tasks_goes_back),
        cmocka_unit_test(cautious_renews_for_each_freed_slot_and_ends_with_short_tasks),
        cmocka_unit_test(the_widest_keeps_the_rule_and_a_configured_one),
        cmocka_unit_test(short_tasks_widen_the_look_ahead),
        cmocka_unit_test(tasks_that_need_no_run_widen_it_most),
        cmocka_unit_test(tasks_that_need_no_run_end_caution),
        cmocka_unit_test(a_worker_without_work_takes_little_again),
        cmocka_unit_test(large_messages_keep_it_narrow),
        cmocka_unit_test(a_paused_worker_takes_nothing_and_still_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
