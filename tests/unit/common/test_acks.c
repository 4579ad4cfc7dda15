#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/acks.h"

static void expect(struct acks *acks, uint64_t want_tag, bool want_multiple)
{
    uint64_t tag = 0;
    bool multiple = false;
    assert_true(acks_next(acks, &tag, &multiple));
    assert_int_equal(tag, want_tag);
    assert_int_equal(multiple, want_multiple);
}

static void expect_none(struct acks *acks)
{
    uint64_t tag;
    bool multiple;
    assert_false(acks_next(acks, &tag, &multiple));
}

static void a_batch_is_one_acknowledgement(void **state)
{
    (void)state;
    struct acks acks = {0};
    for (uint64_t tag = 1; tag <= 500; tag++)
        acks_add(&acks, tag);
    expect_none(&acks);
    for (uint64_t tag = 500; tag >= 1; tag--)
        assert_true(acks_finish(&acks, 0, tag));
    expect(&acks, 500, true);
    expect_none(&acks);
    assert_int_equal(acks.open, 0);
    acks_free(&acks);
}

static void nothing_unfinished_is_acknowledged(void **state)
{
    (void)state;
    struct acks acks = {0};
    for (uint64_t tag = 1; tag <= 6; tag++)
        acks_add(&acks, tag);
    acks_finish(&acks, 0, 1);
    acks_finish(&acks, 0, 2);
    acks_finish(&acks, 0, 4);
    acks_finish(&acks, 0, 6);
    expect(&acks, 2, true);
    expect(&acks, 4, false); /* behind the open 3: alone */
    expect(&acks, 6, false);
    expect_none(&acks);
    acks_finish(&acks, 0, 3);
    expect(&acks, 3, false);
    acks_finish(&acks, 0, 5);
    expect(&acks, 5, false);
    expect_none(&acks);
    acks_free(&acks);
}

static void tags_may_have_gaps(void **state)
{
    (void)state;
    struct acks acks = {0};
    acks_add(&acks, 10);
    acks_add(&acks, 20);
    assert_false(acks_finish(&acks, 0, 15));
    assert_true(acks_finish(&acks, 0, 20));
    assert_false(acks_finish(&acks, 0, 20));
    expect(&acks, 20, false);
    assert_true(acks_finish(&acks, 0, 10));
    expect(&acks, 10, false);
    acks_free(&acks);
}

static void a_dead_channel_drops_its_tags(void **state)
{
    (void)state;
    struct acks acks = {0};
    acks_add(&acks, 1);
    acks_add(&acks, 2);
    acks_finish(&acks, 0, 1);
    acks_drop(&acks);
    expect_none(&acks);
    assert_int_equal(acks.open, 0);
    acks_add(&acks, 1); /* the new channel counts from one again */
    assert_false(acks_finish(&acks, 0, 1));
    assert_false(acks_finish(&acks, 0, 2));
    expect_none(&acks);
    assert_true(acks_finish(&acks, 1, 1));
    expect(&acks, 1, false);
    acks_free(&acks);
}

/* Against a plain model: what is acknowledged is exactly what was finished. */
static void random_order_acknowledges_what_is_finished(void **state)
{
    (void)state;
    enum { TAGS = 3000, WINDOW = 200 };
    static bool finished[TAGS + 1];
    static bool acknowledged[TAGS + 1];
    struct acks acks = {0};
    uint32_t random = 9;
    uint64_t added = 0;
    for (size_t done = 0; done < TAGS;) {
        if (added < TAGS && added - done < WINDOW)
            acks_add(&acks, ++added);
        random = random * 1664525u + 1013904223u;
        uint64_t pick = (random >> 8) % added + 1;
        while (finished[pick]) /* the next one that is open */
            pick = pick % added + 1;
        assert_true(acks_finish(&acks, 0, pick));
        assert_false(acks_finish(&acks, 0, pick));
        finished[pick] = true;
        done++;
        if (random % 3 == 0 && done < TAGS)
            continue; /* several end before the acknowledgements are sent */
        uint64_t tag;
        bool multiple;
        while (acks_next(&acks, &tag, &multiple)) {
            assert_true(multiple || !acknowledged[tag]);
            for (uint64_t i = multiple ? 1 : tag; i <= tag; i++)
                acknowledged[i] = true;
        }
        for (uint64_t i = 1; i <= added; i++)
            assert_int_equal(finished[i], acknowledged[i]);
    }
    assert_int_equal(acks.open, 0);
    acks_free(&acks);
}

static void what_was_rejected_holds_up_nothing(void **state)
{
    (void)state;
    struct acks acks = {0};
    for (uint64_t tag = 1; tag <= 4; tag++)
        assert_true(acks_add(&acks, tag));
    acks_finish(&acks, 0, 1);
    acks_finish(&acks, 0, 3);
    acks_forget(&acks, 2);
    acks_forget(&acks, 3); /* finished before: stays */
    expect(&acks, 3, true);
    expect_none(&acks);
    assert_int_equal(acks.open, 1);
    acks_forget(&acks, 4);
    expect_none(&acks);
    assert_int_equal(acks.count, 0);
    assert_int_equal(acks.open, 0);
    acks_free(&acks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_one_acknowledgement),
        cmocka_unit_test(nothing_unfinished_is_acknowledged),
        cmocka_unit_test(tags_may_have_gaps),
        cmocka_unit_test(a_dead_channel_drops_its_tags),
        cmocka_unit_test(what_was_rejected_holds_up_nothing),
        cmocka_unit_test(random_order_acknowledges_what_is_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
