#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/dispatch.h"
#include "worker/retry.h"

static void push(struct dispatch *dispatch, struct work *works, size_t count, enum task_lane lane)
{
    for (size_t i = 0; i < count; i++) {
        works[i] = (struct work){.lane = lane};
        dispatch_push(dispatch, &works[i]);
    }
}

static void a_lane_is_first_in_first_out(void **state)
{
    struct dispatch dispatch = {.count = 0};
    struct work works[3];
    (void)state;
    push(&dispatch, works, 3, LANE_NORMAL);
    assert_int_equal(dispatch.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(dispatch_take(&dispatch, NULL, NULL), &works[i]);
    assert_null(dispatch_take(&dispatch, NULL, NULL));
    assert_int_equal(dispatch.count, 0);
}

static void interactive_overtakes(void **state)
{
    struct dispatch dispatch = {.count = 0};
    struct work bulk[2], normal[2], interactive[1];
    (void)state;
    push(&dispatch, bulk, 2, LANE_BULK);
    push(&dispatch, normal, 2, LANE_NORMAL);
    push(&dispatch, interactive, 1, LANE_INTERACTIVE);
    assert_ptr_equal(dispatch_take(&dispatch, NULL, NULL), &interactive[0]);
    assert_ptr_equal(dispatch_take(&dispatch, NULL, NULL), &normal[0]);
    assert_ptr_equal(dispatch_take(&dispatch, NULL, NULL), &normal[1]);
    assert_ptr_equal(dispatch_take(&dispatch, NULL, NULL), &bulk[0]);
}

static void contended_lanes_share_by_weight(void **state)
{
    struct dispatch dispatch = {.count = 0};
    struct work works[3][64];
    size_t taken[3] = {0};
    (void)state;
    push(&dispatch, works[LANE_BULK], 64, LANE_BULK);
    push(&dispatch, works[LANE_NORMAL], 64, LANE_NORMAL);
    push(&dispatch, works[LANE_INTERACTIVE], 64, LANE_INTERACTIVE);
    for (int i = 0; i < 42; i++)
        taken[dispatch_take(&dispatch, NULL, NULL)->lane]++;
    assert_in_range(taken[LANE_INTERACTIVE], 31, 34);
    assert_in_range(taken[LANE_NORMAL], 7, 9);
    assert_in_range(taken[LANE_BULK], 1, 2);
}

static void a_lane_that_slept_cannot_save_up(void **state)
{
    struct dispatch dispatch = {.count = 0};
    struct work normal[64], interactive[4], bulk[8];
    (void)state;
    push(&dispatch, normal, 64, LANE_NORMAL);
    for (int i = 0; i < 50; i++)
        assert_non_null(dispatch_take(&dispatch, NULL, NULL));
    push(&dispatch, bulk, 8, LANE_BULK);
    push(&dispatch, interactive, 4, LANE_INTERACTIVE);
    assert_int_equal(dispatch_take(&dispatch, NULL, NULL)->lane, LANE_INTERACTIVE);
    int bulk_taken = 0;
    for (int i = 0; i < 7; i++)
        bulk_taken += dispatch_take(&dispatch, NULL, NULL)->lane == LANE_BULK;
    assert_in_range(bulk_taken, 0, 1);
}

static bool fits_slot_2(void *context, const struct work *work)
{
    (void)context;
    return retry_slot_fits(work->failed_slot, 2, 2);
}

static void a_work_that_does_not_fit_is_passed_over(void **state)
{
    struct dispatch dispatch = {.count = 0};
    struct work works[2];
    (void)state;
    push(&dispatch, works, 2, LANE_NORMAL);
    works[0].failed_slot = 2;
    assert_ptr_equal(dispatch_take(&dispatch, fits_slot_2, NULL), &works[1]);
    assert_null(dispatch_take(&dispatch, fits_slot_2, NULL));
    assert_ptr_equal(dispatch_take(&dispatch, NULL, NULL), &works[0]);
}

static void a_retry_goes_to_the_front_and_removal_keeps_the_list_whole(void **state)
{
    struct dispatch dispatch = {.count = 0};
    struct work works[4];
    (void)state;
    push(&dispatch, works, 3, LANE_BULK);
    works[3] = (struct work){.lane = LANE_BULK};
    dispatch_push_front(&dispatch, &works[3]);
    assert_true(dispatch_remove(&dispatch, &works[2])); /* the tail */
    assert_false(dispatch_remove(&dispatch, &works[2]));
    dispatch_push(&dispatch, &works[2]);
    assert_true(dispatch_remove(&dispatch, &works[0])); /* in the middle */
    assert_ptr_equal(dispatch_take(&dispatch, NULL, NULL), &works[3]);
    assert_ptr_equal(dispatch_withdraw(&dispatch, NULL, NULL), &works[1]);
    assert_ptr_equal(dispatch_take(&dispatch, NULL, NULL), &works[2]);
    assert_int_equal(dispatch.count, 0);
}

static void infra_faults_are_retried_three_times_elsewhere(void **state)
{
    (void)state;
    assert_true(retry_is_allowed(1));
    assert_true(retry_is_allowed(2));
    assert_false(retry_is_allowed(3));
    assert_true(retry_slot_fits(0, 1, 4));
    assert_false(retry_slot_fits(1, 1, 4));
    assert_true(retry_slot_fits(1, 2, 4));
    assert_true(retry_slot_fits(1, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_is_first_in_first_out),
        cmocka_unit_test(interactive_overtakes),
        cmocka_unit_test(contended_lanes_share_by_weight),
        cmocka_unit_test(a_lane_that_slept_cannot_save_up),
        cmocka_unit_test(a_work_that_does_not_fit_is_passed_over),
        cmocka_unit_test(a_retry_goes_to_the_front_and_removal_keeps_the_list_whole),
        cmocka_unit_test(infra_faults_are_retried_three_times_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
